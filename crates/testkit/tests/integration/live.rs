//! Connections that stay open: event streams through the router, and the watch behind them. A `WebSocket` needs a real
//! socket: `crates/vestibule/tests/websocket.rs`.

use std::time::Duration;

use axum::{
    Router,
    body::Body,
    response::sse::{Event, Sse},
    routing::get,
};
use http::Request;
use tokio::time::timeout;
use vestibule::{
    core::token::{Rejected, TokenError, claims::BadClaims},
    http::extract::LiveCaller,
};
use vestibule_testkit::{TestApp, TestAppBuilder};

/// Far more than it takes; a machine may be busy.
const PATIENCE: Duration = Duration::from_mins(1);

/// A stream that is always ready: nobody but the end of the session ends it.
struct Babble;

impl futures_core::Stream for Babble {
    type Item = Result<Event, std::convert::Infallible>;

    fn poll_next(
        self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        context.waker().wake_by_ref();
        std::task::Poll::Ready(Some(Ok(Event::default().data("news"))))
    }
}

async fn listen(
    caller: LiveCaller,
) -> Sse<impl futures_core::Stream<Item = <Babble as futures_core::Stream>::Item>> {
    assert!(caller.claims().username.is_some());
    Sse::new(caller.until_ended(Babble))
}

fn app() -> TestAppBuilder {
    TestApp::builder().routes(|state| Router::new().route("/listen", get(listen)).with_state(state.clone()))
}

#[tokio::test]
async fn an_event_stream_goes_on_until_the_session_ends() {
    let app = app().start().await;
    let _ = app.client().registered("ada").await;
    let token = app.client().tokens("ada").await.access;
    let state = app.state().clone();
    let router: Router = Router::new().route("/listen", get(listen)).with_state(state);
    let request = Request::get("/listen").header("authorization", format!("Bearer {token}"));
    let answer = tower::ServiceExt::oneshot(router, request.body(Body::empty()).unwrap()).await.unwrap();
    let mut body = answer.into_body();
    for _ in 0..100 {
        let frame = http_body_util::BodyExt::frame(&mut body).await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), "data: news\n\n");
    }
    let _ = app.client().with_bearer(&token).post("/api/users/logout").await.expect(200);
    let ended = async {
        while http_body_util::BodyExt::frame(&mut body).await.is_some() {
            // As a connection does: it waits for its socket now and then.
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, ended).await.unwrap();
}

#[tokio::test]
async fn nobody_listens_without_a_good_token() {
    let app = app().start().await;
    let _ = app.client().get("/listen").await.expect_problem(401, "not_authenticated");
    let _ = app.client().with_bearer("a.b.c").get("/listen").await.expect_problem(401, "invalid_token");
    let _ = app.client().get("/listen?access_token=a.b.c").await.expect_problem(401, "not_authenticated");
    // A subprotocol counts on a WebSocket only.
    let with_protocol = app.client().get("/listen").header("sec-websocket-protocol", "bearer.a.b.c");
    let _ = with_protocol.await.expect_problem(401, "not_authenticated");
}

#[tokio::test]
async fn a_watch_ends_when_the_token_expires_or_its_key_is_withdrawn() {
    let app = TestApp::start().await;
    let _ = app.client().registered("ada").await;
    let mut watch = app.auth().watch_access_token(&app.client().tokens("ada").await.access).await.unwrap();
    app.clock().advance(Duration::from_mins(15));
    let ended = timeout(PATIENCE, watch.ended()).await.unwrap();
    assert!(matches!(ended, TokenError::Rejected(Rejected::Claims(BadClaims::Expired))), "{ended}");

    let mut watch = app.auth().watch_access_token(&app.client().tokens("ada").await.access).await.unwrap();
    let _ = app.auth().rotate_keys(true).await.unwrap();
    let ended = timeout(PATIENCE, watch.ended()).await.unwrap();
    assert!(matches!(ended, TokenError::Rejected(Rejected::Refused(_))), "{ended}");
}
