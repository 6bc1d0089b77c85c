//! The extractors of `LoginManager` over the engine's accounts.

use std::time::Duration;

use axum::{Router, routing::any};
use vestibule::{
    AdminUser, EmailVerified, Fresh, LoggedIn, Login, NewToken, Permitted, RequiredPermission,
    RequiredScopes, Scoped, core::values::account::Account, http::state::AuthState,
};
use vestibule_testkit::{PASSWORD, TestApp, faults::Fault};

use super::database;

struct ReadPosts;

impl RequiredScopes for ReadPosts {
    const SCOPES: &'static [&'static str] = &["posts:read"];
}

struct EditPosts;

impl RequiredPermission for EditPosts {
    const PERMISSION: &'static str = "posts:edit";
}

fn routes(state: &AuthState) -> Router {
    let greet = async |user: Option<LoggedIn<Account>>| user.map_or("nobody".into(), |user| user.0.email);
    Router::new()
        .route("/own", any(async |LoggedIn(account): LoggedIn<Account>| account.email))
        .route("/greet", any(greet))
        .route(
            "/claims",
            any(async |login: Login<Account>| login.claims.session_id.clone().unwrap_or_default()),
        )
        .route("/admin", any(async |AdminUser(account): AdminUser<Account>| account.email))
        .route("/edit", any(async |account: Permitted<Account, EditPosts>| account.email.clone()))
        .route("/email", any(async |EmailVerified(account): EmailVerified<Account>| account.email))
        .route("/fresh", any(async |Fresh(account): Fresh<Account, 5>| account.email))
        .route("/scoped", any(async |account: Scoped<Account, ReadPosts>| account.email.clone()))
        .with_state(state.clone())
}

async fn stage() -> TestApp {
    TestApp::builder().routes(routes).start().await
}

#[tokio::test]
async fn an_account_is_a_user_to_every_extractor() {
    let app = stage().await;
    let ada = app.client().registered("ada").await;
    assert_eq!(ada.get("/own").await.expect(200).text(), "ada@example.com");
    assert_eq!(ada.get("/greet").await.expect(200).text(), "ada@example.com");
    assert_eq!(ada.get("/claims").await.expect(200).text().len(), 36);
    assert_eq!(ada.get("/fresh").await.expect(200).text(), "ada@example.com");
    let _ = ada.get("/admin").await.expect_problem(403, "forbidden");
    let _ = ada.get("/edit").await.expect_problem(403, "forbidden");
    let _ = ada.get("/email").await.expect_problem(403, "email_not_confirmed");
    let _ = ada.get("/scoped").await.expect_problem(403, "insufficient_scope");
    database::promote(&app, "ada");
    assert_eq!(ada.get("/admin").await.expect(200).text(), "ada@example.com");
    assert_eq!(app.client().get("/greet").await.expect(200).text(), "nobody");
    for path in ["/own", "/admin", "/email", "/fresh", "/scoped"] {
        let _ = app.client().get(path).await.expect_problem(401, "not_authenticated");
        let _ = app.client().with_bearer("a.b.c").get(path).await.expect_problem(401, "invalid_token");
    }
    let _ = app.client().with_bearer("a.b.c").get("/greet").await.expect_problem(401, "invalid_token");
}

#[tokio::test]
async fn a_login_grows_old_and_a_refresh_makes_it_no_younger() {
    let app = stage().await;
    let ada = app.client().registered("ada").await;
    app.clock().advance(Duration::from_secs(301));
    let _ = ada.get("/fresh").await.expect_problem(401, "fresh_login_required");
    let _ = ada.post("/api/users/token/refresh").await.expect(200);
    let _ = ada.get("/fresh").await.expect_problem(401, "fresh_login_required");
    let _ = ada.log_in("ada", PASSWORD).await.expect(200);
    let _ = ada.get("/fresh").await.expect(200);
}

#[tokio::test]
async fn what_the_engine_revokes_opens_nothing_here_either() {
    let app = stage().await;
    let ada = app.client().registered("ada").await;
    let tokens = app.client().tokens("ada").await;
    let bearer = app.client().with_bearer(&tokens.access);
    let _ = bearer.get("/own").await.expect(200);
    let _ = bearer.post("/api/users/logout").await.expect(200);
    let _ = bearer.get("/own").await.expect_problem(401, "invalid_token");
    let _ = ada.get("/own").await.expect(200);
    database::disable(&app, "ada");
    let _ = ada.get("/own").await.expect_problem(401, "invalid_token");
}

#[tokio::test]
async fn an_outage_stays_one_also_where_nobody_need_be_logged_in() {
    let app = stage().await;
    let ada = app.client().registered("ada").await;
    app.store().fail("find_account", Fault::Before);
    for path in ["/own", "/greet", "/admin"] {
        let answer = ada.get(path).await.expect_problem(503, "unavailable");
        assert_eq!(answer.header("retry-after"), Some("1"));
    }
    assert_eq!(app.client().get("/greet").await.expect(200).text(), "nobody");
}

#[tokio::test]
async fn a_cookie_needs_proof_here_too_and_the_engine_makes_the_tokens() {
    let app = stage().await;
    let ada = app.client().registered("ada").await;
    let _ = ada
        .post("/own")
        .header("origin", "https://evil.example")
        .await
        .expect_problem(403, "cross_site_request");
    let made = app.state().login().create_access_token(NewToken::of("ada"));
    assert!(made.is_err_and(|error| error.to_string().contains("made elsewhere")));
}
