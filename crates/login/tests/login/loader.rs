//! The application's own code: a loader and a revocation callback that fail, panic or hang let nobody in.

use std::{
    future::pending,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{Router, body::Body, routing::any};
use tracing_subscriber::fmt::MakeWriter;
use vestibule_login::{LoggedIn, Login, LoginClaims, LoginManager, NewToken, Scoped};

use super::app::{User, builder, built, find, get, manager, routes, send, with_token};

const ROUTES: [&str; 3] = ["/required", "/optional", "/lenient"];

async fn panics(name: String) -> Result<Option<User>, std::io::Error> {
    assert!(name.is_empty(), "a panic of the application's, about zuul");
    Ok(None)
}

fn panics_at_once(name: String) -> std::future::Ready<Result<Option<User>, std::io::Error>> {
    assert!(name.is_empty(), "a panic of the application's, about zuul");
    std::future::ready(Ok(None))
}

async fn hangs(_: String) -> Result<Option<User>, std::io::Error> {
    pending().await
}

/// The log as text.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

fn failing() -> Vec<(&'static str, LoginManager<User>, &'static str)> {
    let patient = || builder().loader_timeout(Duration::from_millis(1));
    vec![
        ("fails", manager(), "zuul is full"),
        ("panics", built(builder().user_loader(panics)), "user loader panicked"),
        ("panics at once", built(builder().user_loader(panics_at_once)), "user loader panicked"),
        ("hangs", built(patient().user_loader(hangs)), "did not answer within 1ms"),
        (
            "revocation fails",
            built(
                builder().revoked_if(async |_: LoginClaims| Err::<bool, _>("zuul is away")).user_loader(find),
            ),
            "zuul is away",
        ),
        (
            "revocation hangs",
            built(patient().revoked_if(|_: LoginClaims| pending::<Result<bool, String>>()).user_loader(find)),
            "revocation callback did not answer",
        ),
    ]
}

#[tokio::test]
async fn t58_a_loader_that_fails_panics_or_hangs_is_a_500_that_says_nothing_and_is_logged_once() {
    for (what, login, cause) in failing() {
        let app = routes().with_state(login.clone());
        let layered = Router::new().route("/layer", any(async || "in")).layer(login.layer().lenient());
        let token = login.create_access_token(if what == "fails" { "broken" } else { "ada" }).unwrap();
        for (app, path) in ROUTES.iter().map(|path| (&app, *path)).chain([(&layered, "/layer")]) {
            let log = Log::default();
            let subscriber = tracing_subscriber::fmt().with_writer(log.clone()).with_ansi(false).finish();
            let guard = tracing::subscriber::set_default(subscriber);
            let answer = send(app, with_token(path, token.expose())).await;
            drop(guard);
            assert_eq!((answer.status, answer.code()), (500, "internal".into()), "{what} at {path}");
            assert!(!answer.body.contains("zuul") && !answer.body.contains("loader"), "{}", answer.body);
            let lines: Vec<_> =
                log.text().lines().filter(|line| line.contains("ERROR")).map(str::to_owned).collect();
            assert_eq!(lines.len(), 1, "{what} at {path}: {lines:?}");
            let problem: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
            let id = problem["id"].as_str().unwrap();
            assert!(lines[0].contains(cause) && lines[0].contains(id), "{what} at {path}: {lines:?}");
            assert!(!log.text().contains(token.expose()), "a token in the log");
        }
        assert!(login.current_user(token.expose()).await.is_err(), "{what}");
    }
}

#[tokio::test]
async fn a_user_that_does_not_exist_any_more_is_401() {
    let login = manager();
    let app = routes().with_state(login.clone());
    let token = login.create_access_token("nobody").unwrap();
    for (route, status) in [("/required", 401), ("/optional", 401), ("/lenient", 200)] {
        let answer = send(&app, with_token(route, token.expose())).await;
        assert_eq!(answer.status, status, "{route}");
    }
}

#[tokio::test]
async fn a_loader_is_asked_once_a_request_and_never_for_a_bad_token() {
    struct Nothing;
    impl vestibule_login::RequiredScopes for Nothing {
        const SCOPES: &'static [&'static str] = &[];
    }
    let calls = Arc::new(AtomicUsize::new(0));
    let load = async |calls: Arc<AtomicUsize>, name: String| {
        calls.fetch_add(1, Ordering::SeqCst);
        find(name).await
    };
    let login = built(builder().user_loader_with(Arc::clone(&calls), load));
    let handler = any(
        async |_: Option<LoggedIn<User>>, _: LoggedIn<User>, _: Scoped<User, Nothing>, login: Login<User>| {
            login.user.name
        },
    );
    let app = Router::new().route("/", handler).layer(login.layer()).with_state(login.clone());
    let token = login.create_access_token("ada").unwrap();
    assert_eq!(send(&app, with_token("/", token.expose())).await.body, "ada");
    assert_eq!(calls.load(Ordering::SeqCst), 1);
    send(&app, with_token("/", "a.b.c")).await;
    send(&app, get("/").body(Body::empty()).unwrap()).await;
    let partial = login.create_partial_token("ada").unwrap();
    send(&app, with_token("/", partial.expose())).await;
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn what_one_manager_has_found_is_nothing_to_another() {
    let customers = built(builder().login_type("customer").user_loader(find));
    let staff = built(builder().login_type("staff").user_loader(find));
    let app = routes().layer(customers.layer()).with_state(staff);
    let token = customers.create_access_token("ada").unwrap();
    assert_eq!(send(&app, with_token("/required", token.expose())).await.status, 401);
}

#[tokio::test]
async fn a_token_can_be_revoked_by_its_id_its_session_or_its_subject() {
    let revoked = |claims: LoginClaims| async move {
        let is_revoked = claims.session_id.as_deref() == Some("ended") || claims.subject == "banned";
        Ok::<_, String>(is_revoked || claims.token_id.is_none())
    };
    let login = built(builder().revoked_if(revoked).user_loader(find));
    let app = routes().with_state(login.clone());
    for (token, status) in [
        (NewToken::of("ada").session("live"), 200),
        (NewToken::of("ada").session("ended"), 401),
        (NewToken::of("ada"), 200),
        (NewToken::of("banned"), 401),
    ] {
        let token = login.create_access_token(token).unwrap();
        assert_eq!(send(&app, with_token("/required", token.expose())).await.status, status);
        assert_eq!(login.has_scopes(token.expose(), [] as [&str; 0]).await.unwrap(), status == 200);
    }
}
