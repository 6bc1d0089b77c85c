//! What a login must show beside itself: scopes, freshness, permissions, an address, a second factor.

use std::sync::Arc;

use axum::{Router, routing::any};
use serde_json::json;
use vestibule_login::{
    AdminUser, EmailVerified, Fresh, LoggedIn, Login, LoginManager, NewToken, PartialLogin, Permitted,
    Rejection, RequestUser, RequiredPermission, RequiredScopes, Scoped, SigningKey,
};

use super::app::{
    SECRET, START, TurnedClock, User, builder, built, find, manager, name_of, send, with_token,
};

struct ReadUsers;

impl RequiredScopes for ReadUsers {
    const SCOPES: &'static [&'static str] = &["users:read"];
}

struct ReadAndWrite;

impl RequiredScopes for ReadAndWrite {
    const SCOPES: &'static [&'static str] = &["users:read", "users:write"];
}

struct EditPosts;

impl RequiredPermission for EditPosts {
    const PERMISSION: &'static str = "posts:edit";
}

async fn by_value(login: Login<User>) -> Result<String, Rejection> {
    login.require_scopes(["users:read", "users:write"])?;
    Ok(login.user.name)
}

fn app(login: &LoginManager<User>) -> Router {
    Router::new()
        .route("/one", any(async |user: Scoped<User, ReadUsers>| user.name.clone()))
        .route("/two", any(async |user: Scoped<User, ReadAndWrite>| user.into_user().name))
        .route("/value", any(by_value))
        .route("/fresh", any(async |Fresh(user): Fresh<User, 5>| user.name))
        .route("/admin", any(async |AdminUser(user): AdminUser<User>| user.name))
        .route("/edit", any(async |user: Permitted<User, EditPosts>| user.name.clone()))
        .route("/email", any(async |EmailVerified(user): EmailVerified<User>| user.name))
        .route("/second-factor", any(async |PartialLogin(user): PartialLogin<User>| user.name))
        .route("/required", any(async |LoggedIn(user): LoggedIn<User>| user.name))
        .route("/login", any(async |login: Login<User>| login.user.name))
        .route("/optional", any(async |user: Option<LoggedIn<User>>| name_of(user.map(|user| user.0))))
        .with_state(login.clone())
}

async fn ask(app: &Router, path: &str, token: &str) -> String {
    let answer = send(app, with_token(path, token)).await;
    if answer.status == 200 { answer.body } else { format!("{} {}", answer.status, answer.code()) }
}

#[tokio::test]
async fn scopes_are_an_exact_set() {
    let login = manager();
    let app = app(&login);
    let lacking = "403 insufficient_scope";
    for (granted, one, two) in [
        ("users:read", "ada", lacking),
        ("users:read users:write", "ada", "ada"),
        ("users:write users:read other", "ada", "ada"),
        ("users:read users:read", "ada", lacking),
        ("", lacking, lacking),
        ("users", lacking, lacking),
        ("users:*", lacking, lacking),
        ("*", lacking, lacking),
        ("Users:Read", lacking, lacking),
        ("users:read2", lacking, lacking),
    ] {
        let token = login.create_access_token(NewToken::of("ada").scopes([granted])).unwrap();
        for (path, expected) in [("/one", one), ("/two", two), ("/value", two)] {
            assert_eq!(ask(&app, path, token.expose()).await, expected, "{granted:?} at {path}");
        }
    }
}

#[tokio::test]
async fn the_scope_claim_is_a_string_of_any_white_space_and_duplicates_count_once() {
    let login = manager();
    let app = app(&login);
    let key = SigningKey::from_secret(SECRET.as_bytes()).unwrap();
    let sign = |scope: serde_json::Value| {
        let seconds = START / 1000;
        let claims = json!({
            "iss": "https://app.example", "aud": "https://app.example", "sub": "ada", "jti": "j", "type": "access",
            "iat": seconds, "exp": seconds + 60, "scope": scope,
        });
        key.sign(claims.to_string().as_bytes()).unwrap()
    };
    for (scope, expected) in [
        (json!("users:read"), "ada"),
        (json!("  users:read\t users:read  x "), "ada"),
        (json!(""), "403 insufficient_scope"),
        (json!("users:readx"), "403 insufficient_scope"),
        (json!(null), "401 invalid_token"),
        (json!(["users:read"]), "401 invalid_token"),
        (json!({"users:read": true}), "401 invalid_token"),
        (json!(1), "401 invalid_token"),
    ] {
        assert_eq!(ask(&app, "/one", &sign(scope.clone())).await, expected, "{scope}");
    }
}

#[tokio::test]
async fn the_challenge_names_what_is_needed() {
    let login = manager();
    let app = app(&login);
    let token = login.create_access_token("ada").unwrap();
    for path in ["/two", "/value"] {
        let refused = send(&app, with_token(path, token.expose())).await;
        let expected = "Bearer error=\"insufficient_scope\", scope=\"users:read users:write\"";
        assert_eq!(refused.header("www-authenticate"), expected, "{path}");
        assert_eq!(refused.header("cache-control"), "no-store");
    }
}

#[tokio::test]
async fn a_hierarchy_of_scopes_is_asked_for() {
    let login = built(builder().hierarchical_scopes().user_loader(find));
    let app = app(&login);
    for (granted, expected) in [
        ("users:*", "ada"),
        ("*", "ada"),
        ("users:read:*", "403 insufficient_scope"),
        ("user:*", "403 insufficient_scope"),
    ] {
        let token = login.create_access_token(NewToken::of("ada").scopes([granted])).unwrap();
        assert_eq!(ask(&app, "/two", token.expose()).await, expected, "{granted}");
        assert_eq!(ask(&app, "/value", token.expose()).await, expected, "{granted}");
    }
    let token = login.create_access_token(NewToken::of("ada").scopes(["users:*"])).unwrap();
    assert!(login.has_scopes(token.expose(), ["users:read"]).await.unwrap());
}

#[tokio::test]
async fn fresh_is_a_matter_of_when_somebody_logged_in_not_of_the_token() {
    let clock = TurnedClock::new();
    let login = built(builder().clock(Arc::clone(&clock) as _).user_loader(find));
    let app = app(&login);
    let first = login.create_access_token("ada").unwrap();
    let authenticated_at = login.verify(first.expose()).await.unwrap().authenticated_at;
    assert_eq!(ask(&app, "/fresh", first.expose()).await, "ada");
    clock.advance(300_000);
    assert_eq!(ask(&app, "/fresh", first.expose()).await, "ada");
    clock.advance(1_000);
    assert_eq!(ask(&app, "/fresh", first.expose()).await, "401 fresh_login_required");
    assert_eq!(ask(&app, "/required", first.expose()).await, "ada");
    // A renewed token is new; the proof is not.
    let renewed = NewToken::of("ada").authenticated_at(authenticated_at);
    let renewed = login.create_access_token(renewed).unwrap();
    assert_eq!(ask(&app, "/fresh", renewed.expose()).await, "401 fresh_login_required");
    let never = login.create_access_token(NewToken::of("ada").not_fresh()).unwrap();
    assert_eq!(ask(&app, "/fresh", never.expose()).await, "401 fresh_login_required");
    let refused = send(&app, with_token("/fresh", never.expose())).await;
    let challenge = "Bearer error=\"insufficient_user_authentication\", max_age=\"300\"";
    assert_eq!(refused.header("www-authenticate"), challenge);
}

#[tokio::test]
async fn permissions_and_addresses_are_the_users_as_they_are_now() {
    let login = manager();
    let app = app(&login);
    for (path, name, expected) in [
        ("/admin", "ada", "ada"),
        ("/admin", "eve", "403 forbidden"),
        ("/edit", "eve", "eve"),
        ("/edit", "ada", "403 forbidden"),
        ("/email", "ada", "ada"),
        ("/email", "eve", "403 email_not_confirmed"),
    ] {
        // What a token says of itself counts for nothing.
        let token =
            NewToken::of(name).scopes(["admin", "posts:edit"]).claim("permissions", ["admin"]).unwrap();
        let token = login.create_access_token(token).unwrap();
        assert_eq!(ask(&app, path, token.expose()).await, expected, "{name} at {path}");
        assert_eq!(ask(&app, path, "a.b.c").await, "401 invalid_token");
    }
}

/// django-allauth 2023, 2024: half a login counted as one.
#[tokio::test]
async fn t46_a_partial_login_satisfies_nothing_but_its_own_extractor() {
    let login = manager();
    let everything = ["users:read", "users:write"];
    let partial = login.create_partial_token(NewToken::of("ada").scopes(everything)).unwrap();
    let full = login.create_access_token(NewToken::of("ada").scopes(everything)).unwrap();
    let guarded = app(&login);
    for path in ["/one", "/two", "/value", "/fresh", "/admin", "/email", "/required", "/login", "/optional"] {
        assert_eq!(ask(&guarded, path, partial.expose()).await, "401 invalid_token", "{path}");
        assert_eq!(ask(&guarded, path, full.expose()).await, "ada", "{path}");
    }
    assert_eq!(ask(&guarded, "/second-factor", partial.expose()).await, "ada");
    assert_eq!(ask(&guarded, "/second-factor", full.expose()).await, "401 invalid_token");
    assert!(login.verify(partial.expose()).await.is_err());
    assert!(login.current_user(partial.expose()).await.is_err());
    assert!(!login.has_scopes(partial.expose(), ["users:read"]).await.unwrap());
    let behind = Router::new().route(
        "/",
        any(async |axum::Extension(RequestUser(user)): axum::Extension<RequestUser<User>>| name_of(user)),
    );
    assert_eq!(ask(&behind.clone().layer(login.layer()), "/", partial.expose()).await, "401 invalid_token");
    assert_eq!(ask(&behind.layer(login.layer().lenient()), "/", partial.expose()).await, "(nobody)");
    let routes = vestibule_login::GuardedRouter::new(&login).route(http::Method::GET, "/", async || "in");
    assert_eq!(ask(&routes.into_router().with_state(()), "/", partial.expose()).await, "401 invalid_token");
}
