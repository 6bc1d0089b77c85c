//! Clients that register, log in and refresh, and remember what they were told.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use http::{Method, StatusCode};
use serde_json::json;
use tokio::task::JoinSet;

use crate::{
    client::{Answer, Client, PASSWORD, account},
    program::eventually,
};

/// What one client was told.
#[derive(Default)]
pub(crate) struct Told {
    pub(crate) registered: Vec<String>,
    pub(crate) refresh_tokens: Vec<String>,
}

/// Clients at work. Nothing they are told but success and 503 with `Retry-After` is right.
pub(crate) struct Load {
    tally: Arc<Tally>,
    clients: JoinSet<Told>,
}

#[derive(Default)]
struct Tally {
    is_over: AtomicBool,
    done: AtomicUsize,
    refused: AtomicUsize,
}

impl Load {
    pub(crate) fn start(client: Client, clients: usize) -> Self {
        let tally = Arc::<Tally>::default();
        let work = |number| work(client, number, Arc::clone(&tally));
        Self { clients: (0..clients).map(work).collect(), tally }
    }

    /// Waits until so many more requests have succeeded.
    pub(crate) async fn succeeds(&self, more: usize) {
        self.counts("requests succeed", &self.tally.done, more).await;
    }

    /// Waits until so many more requests were told to come back later.
    pub(crate) async fn is_refused(&self, more: usize) {
        self.counts("requests are refused", &self.tally.refused, more).await;
    }

    /// How many requests were told to come back later.
    pub(crate) fn refused(&self) -> usize {
        self.tally.refused.load(Ordering::Relaxed)
    }

    async fn counts(&self, what: &str, counter: &AtomicUsize, more: usize) {
        let enough = counter.load(Ordering::Relaxed) + more;
        eventually(what, async || (counter.load(Ordering::Relaxed) >= enough).then_some(())).await;
    }

    /// Ends the work; what the clients were told is checked against the server.
    pub(crate) async fn ends_with_nothing_lost(self, client: Client) {
        self.tally.is_over.store(true, Ordering::Relaxed);
        let told = self.clients.join_all().await;
        for name in told.iter().flat_map(|told| &told.registered) {
            assert_eq!(client.log_in(name, PASSWORD).await.status, StatusCode::OK, "{name} is lost");
        }
        for token in told.iter().flat_map(|told| &told.refresh_tokens) {
            assert_eq!(client.refresh(token).await.status, StatusCode::OK, "a rotation is lost");
        }
    }
}

/// Registers, logs in and refreshes until the end. What was refused may have been done: a new account gets another name,
/// a refresh token is sent again until it is answered.
async fn work(client: Client, number: usize, tally: Arc<Tally>) -> Told {
    let mut told = Told::default();
    for round in 0.. {
        if tally.is_over() {
            break;
        }
        let name = format!("w{number}r{round}");
        let registered = tally.ask(client, "/api/v1/users", Body::Json(account(&name).to_string())).await;
        if registered.is_none() {
            continue;
        }
        told.registered.push(name.clone());
        let form = format!("username={name}&password={}", PASSWORD.replace(' ', "+"));
        let Some(answer) = tally.ask(client, "/api/v1/token", Body::Form(form)).await else { continue };
        let mut token = answer.member("refresh_token");
        for _ in 0..10 {
            let body = Body::Json(json!({ "refresh_token": token }).to_string());
            token = tally
                .ask_until_answered(client, "/api/users/token/refresh", body)
                .await
                .member("refresh_token");
        }
        told.refresh_tokens.push(token);
    }
    told
}

#[derive(Clone)]
enum Body {
    Json(String),
    Form(String),
}

impl Tally {
    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    async fn ask_until_answered(&self, client: Client, path: &str, body: Body) -> Answer {
        loop {
            if let Some(answer) = self.ask(client, path, body.clone()).await {
                return answer;
            }
        }
    }

    /// The answer; `None` where the server asks to come back later.
    async fn ask(&self, client: Client, path: &str, body: Body) -> Option<Answer> {
        let (kind, text) = match body {
            Body::Json(text) => ("application/json", text),
            Body::Form(text) => ("application/x-www-form-urlencoded", text),
        };
        let answer = client.try_send(Method::POST, path, &[("content-type", kind)], text).await;
        let answer = answer.unwrap_or_else(|error| panic!("{path}: {error}"));
        if answer.status.is_success() {
            self.done.fetch_add(1, Ordering::Relaxed);
            return Some(answer);
        }
        assert_comes_back_later(&answer);
        self.refused.fetch_add(1, Ordering::Relaxed);
        // Sooner than it was told to, but not at once: the machine is needed for other things.
        tokio::time::sleep(Duration::from_millis(20)).await;
        None
    }
}

/// Asserts that the answer is 503 and says when to come back.
pub(crate) fn assert_comes_back_later(answer: &Answer) {
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{answer:?}");
    let seconds =
        answer.headers.get("retry-after").and_then(|value| value.to_str().ok()?.parse::<u32>().ok());
    assert!(seconds.is_some_and(|seconds| seconds > 0), "{answer:?}");
}
