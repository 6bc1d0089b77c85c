//! A captcha's provider for a test, and its moods.
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::{
    collections::HashSet,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
};

use axum::{
    Form, Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::post,
};
use http::{StatusCode, header};
use serde_json::{Value, json};
use tokio::{runtime, sync::oneshot};

/// How the provider answers.
#[derive(Clone, Debug, PartialEq)]
pub enum Mood {
    /// Each token is good once; what else the answer says is this. Tokens that begin with `bad` never are.
    Honest(Value),
    /// This status and this body, whatever is asked.
    Says(u16, String),
    /// It takes the question and never answers.
    Silent,
    /// It answers without an end in sight.
    Endless,
}

/// The fields of one question.
pub type Question = Vec<(String, String)>;

/// A provider that listens on this machine, without TLS.
#[derive(Debug)]
pub struct SiteVerify {
    address: SocketAddr,
    state: Shared,
    _stop: oneshot::Sender<()>,
}

type Shared = Arc<Mutex<Desk>>;

#[derive(Debug)]
struct Desk {
    mood: Mood,
    questions: Vec<Question>,
    used: HashSet<String>,
}

impl SiteVerify {
    /// Starts a provider that says of each new token that it was solved on `127.0.0.1` for `register`, with a good score.
    ///
    /// # Panics
    /// Where it cannot listen.
    #[must_use]
    pub fn start() -> Self {
        let mood = Mood::Honest(json!({"hostname": "127.0.0.1", "action": "register", "score": 0.9}));
        let state = Arc::new(Mutex::new(Desk { mood, questions: Vec::new(), used: HashSet::new() }));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        listener.set_nonblocking(true).expect("a listener");
        let address = listener.local_addr().expect("an address");
        let (stop, stopped) = oneshot::channel();
        let router = Router::new().route("/siteverify", post(answer)).with_state(Arc::clone(&state));
        thread::spawn(move || serve(listener, router, stopped));
        Self { address, state, _stop: stop }
    }

    /// Where it is asked.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/siteverify", self.address)
    }

    /// Changes how it answers.
    pub fn set(&self, mood: Mood) {
        lock(&self.state).mood = mood;
    }

    /// Says of tokens from now on that they were solved for this action.
    pub fn solved_for(&self, action: &str) {
        self.set(Mood::Honest(json!({"hostname": "127.0.0.1", "action": action, "score": 0.9})));
    }

    /// Takes the questions since it was last asked.
    #[must_use]
    pub fn take_questions(&self) -> Vec<Question> {
        std::mem::take(&mut lock(&self.state).questions)
    }
}

fn serve(listener: TcpListener, router: Router, stopped: oneshot::Receiver<()>) {
    let runtime = runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
        tokio::select! {
            _ = stopped => {}
            _ = axum::serve(listener, router) => {}
        }
    });
}

fn lock(desk: &Mutex<Desk>) -> MutexGuard<'_, Desk> {
    desk.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn answer(State(desk): State<Shared>, Form(question): Form<Question>) -> Response {
    let mood = {
        let mut desk = lock(&desk);
        desk.questions.push(question.clone());
        desk.mood.clone()
    };
    match mood {
        Mood::Honest(facts) => {
            let token = question.iter().find(|(name, _)| name == "response");
            let token = token.map(|(_, token)| token.clone()).unwrap_or_default();
            let is_good = !token.starts_with("bad") && lock(&desk).used.insert(token);
            if !is_good {
                let codes = json!({"success": false, "error-codes": ["timeout-or-duplicate"]});
                return axum::Json(codes).into_response();
            }
            let mut answer = facts;
            if let Some(members) = answer.as_object_mut() {
                members.insert("success".into(), json!(true));
            }
            axum::Json(answer).into_response()
        }
        Mood::Says(status, body) => {
            let status = StatusCode::from_u16(status).unwrap_or_default();
            (status, [(header::LOCATION, "/elsewhere")], body).into_response()
        }
        Mood::Silent => std::future::pending().await,
        Mood::Endless => {
            let filler = " ".repeat(1 << 20);
            (StatusCode::OK, format!("{{\"success\": true,{filler}\"hostname\": \"127.0.0.1\"}}"))
                .into_response()
        }
    }
}
