//! Deny by default.

use std::time::Duration;

use axum::{Router, body::Body, routing::get as get_route};
use http::{Method, Request};
use vestibule_login::{GuardedRouter, LoginManager, NewToken, Requirement};

use super::app::{User, get, manager, send};

async fn text() -> &'static str {
    "in"
}

fn routes(login: &LoginManager<User>) -> GuardedRouter<(), User> {
    GuardedRouter::new(login)
        .public(Method::GET, "/", text)
        .public(Method::GET, "/posts/{slug}", text)
        .route(Method::POST, "/posts/{slug}", text)
        .guarded(Method::GET, "/users", Requirement::scopes(["users:read", "users:list"]), text)
        .guarded(
            Method::DELETE,
            "/users",
            Requirement::permission("admin").and_fresh(Duration::from_mins(5)),
            text,
        )
        .guarded(Method::GET, "/news", Requirement::verified_email(), text)
        .guarded(Method::GET, "/eve", Requirement::rule("is eve", |user: &User| user.name == "eve"), text)
        .merge(Router::new().route("/merged", get_route(text)))
        .merge_self_guarded("/assets", Router::new().route("/assets/{file}", get_route(text)))
}

async fn status(app: &Router, method: &str, path: &str, token: Option<&str>) -> u16 {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    send(app, request.body(Body::empty()).unwrap()).await.status
}

#[tokio::test]
async fn what_is_not_explicitly_public_needs_a_login() {
    let login = manager();
    let app = routes(&login).into_router().with_state(());
    let scopes = ["users:read", "users:list"];
    let ada = login.create_access_token(NewToken::of("ada").scopes(scopes)).unwrap();
    let eve = login.create_access_token("eve").unwrap();
    let stale = login.create_access_token(NewToken::of("ada").not_fresh()).unwrap();
    for (method, path, nobody, as_ada, as_eve) in [
        ("GET", "/", 200, 200, 200),
        ("HEAD", "/", 200, 200, 200),
        ("POST", "/", 401, 405, 405),
        ("OPTIONS", "/", 401, 405, 405),
        ("GET", "/posts/x", 200, 200, 200),
        ("POST", "/posts/x", 401, 200, 200),
        ("PUT", "/posts/x", 401, 405, 405),
        ("GET", "/users", 401, 200, 403),
        ("HEAD", "/users", 401, 200, 403),
        ("DELETE", "/users", 401, 200, 403),
        ("GET", "/news", 401, 200, 403),
        ("GET", "/eve", 401, 403, 200),
        ("GET", "/merged", 401, 200, 200),
        ("GET", "/unknown", 401, 404, 404),
        ("GET", "/posts/x/y", 401, 404, 404),
        ("GET", "//", 401, 404, 404),
        ("GET", "/%2e/", 401, 404, 404),
        ("FROB", "/posts/x", 401, 405, 405),
        ("GET", "/assets/logo.svg", 200, 200, 200),
    ] {
        for (token, expected) in [(None, nobody), (Some(ada.expose()), as_ada), (Some(eve.expose()), as_eve)]
        {
            assert_eq!(status(&app, method, path, token).await, expected, "{method} {path} {token:.20?}");
        }
        if nobody == 401 {
            assert_eq!(status(&app, method, path, Some("a.b.c")).await, 401, "{method} {path}");
        }
    }
    assert_eq!(status(&app, "DELETE", "/users", Some(stale.expose())).await, 401);
}

#[tokio::test]
async fn t07_a_request_that_cannot_be_understood_is_denied() {
    let login = manager();
    let app = routes(&login).into_router().with_state(());
    for path in ["/users?x=%ff", "/users/", "/users%00", "/Users", "/%75sers", "/posts", "/posts/"] {
        assert_eq!(status(&app, "GET", path, None).await, 401, "{path}");
    }
    let request = get("/users").header("authorization", b"\xff\xfe".as_slice()).body(Body::empty()).unwrap();
    assert_eq!(send(&app, request).await.status, 401);
}

#[test]
fn the_audit_lists_every_route_and_who_may_call_it() {
    let table = routes(&manager()).audit().to_string();
    assert_eq!(
        table,
        "\
METHOD  PATH           WHO
GET     /              anyone
GET     /eve           logged in, is eve
GET     /news          logged in, verified e-mail
GET     /posts/{slug}  anyone
POST    /posts/{slug}  logged in
DELETE  /users         logged in, permission admin, fresh within 300 s
GET     /users         logged in, scope users:read users:list
ANY     *              logged in
ANY     /assets        as its routes decide
"
    );
}

/// Routes that were made elsewhere are not listed one by one; what is said of all the rest must not be wrong of them.
#[tokio::test]
async fn the_audit_does_not_call_merged_routes_public() {
    let login = manager();
    let routes = GuardedRouter::<(), User>::new(&login)
        .under("/api")
        .merge(Router::new().route("/merged", get_route(text)))
        .public_fallback(text);
    let table = "\
METHOD  PATH           WHO
ANY     merged routes  logged in
ANY     /api/*         anyone
";
    assert_eq!(routes.audit().to_string(), table);
    let app = Router::new().nest("/api", routes.into_router()).with_state(());
    assert_eq!(status(&app, "GET", "/api/merged", None).await, 401);
    assert_eq!(status(&app, "GET", "/api/index.html", None).await, 200);
}

#[tokio::test]
async fn a_nested_guard_is_told_its_prefix_and_stays_closed_without() {
    let login = manager();
    let inner = |prefix: &str| {
        let routes = GuardedRouter::new(&login).under(prefix);
        routes.public(Method::GET, "/open", text).public(Method::GET, "/", text).route(
            Method::GET,
            "/closed",
            text,
        )
    };
    let nested = |prefix| Router::new().nest("/api", inner(prefix).into_router()).with_state(());
    for (prefix, open) in [("/api", 200), ("/api/", 200), ("", 401), ("/other", 401)] {
        let app = nested(prefix);
        assert_eq!(status(&app, "GET", "/api/closed", None).await, 401, "{prefix}");
        assert_eq!(status(&app, "GET", "/api/open", None).await, open, "{prefix}");
        assert_eq!(status(&app, "GET", "/api", None).await, open, "{prefix}");
    }
    assert!(inner("/api").audit().to_string().contains("GET     /api/open    anyone"));
}

#[tokio::test]
async fn a_fallback_is_for_those_who_are_logged_in_unless_it_is_public() {
    let login = manager();
    let token = login.create_access_token("ada").unwrap();
    let guarded = || routes(&login).fallback(text);
    let public = || routes(&login).public_fallback(text);
    assert!(
        guarded().audit().to_string().contains("ANY     *              logged in\n"),
        "{}",
        guarded().audit()
    );
    assert!(public().audit().to_string().contains("ANY     *              anyone\n"), "{}", public().audit());
    for (router, nobody) in [(guarded(), 401), (public(), 200)] {
        let app = router.into_router().with_state(());
        for (method, path) in [("GET", "/spa/page"), ("POST", "/spa/page"), ("GET", "/posts/x/y")] {
            assert_eq!(status(&app, method, path, None).await, nobody, "{method} {path}");
            assert_eq!(status(&app, method, path, Some(token.expose())).await, 200, "{method} {path}");
        }
        // Routes stay as they are, and so do the methods that they have not got.
        assert_eq!(status(&app, "GET", "/users", None).await, 401);
        assert_eq!(status(&app, "GET", "/merged", None).await, 401);
        assert_eq!(status(&app, "PUT", "/posts/x", None).await, 401);
        assert_eq!(status(&app, "PUT", "/posts/x", Some(token.expose())).await, 405);
    }
    let nested =
        GuardedRouter::new(&login).under("/api").route(Method::GET, "/users", text).public_fallback(text);
    let app = Router::new().nest("/api", nested.into_router());
    assert_eq!(status(&app, "GET", "/api/users", None).await, 401);
    assert_eq!(status(&app, "GET", "/api/other", None).await, 200);
}

#[tokio::test]
async fn defaults_of_whoever_mounts_it_open_nothing() {
    let login = manager();
    let mounted = Router::new().merge(routes(&login).into_router());
    let app = mounted.method_not_allowed_fallback(text).with_state(());
    assert_eq!(status(&app, "PUT", "/posts/x", None).await, 401);
}

#[test]
#[should_panic(expected = "fallback")]
fn a_fallback_of_a_merged_router_does_not_get_lost() {
    let _ = routes(&manager()).merge(Router::new().fallback(text));
}

#[test]
#[should_panic(expected = "axum has no routes")]
fn a_method_that_axum_cannot_route_is_told_of() {
    let _ = routes(&manager()).route("FROB".parse().unwrap(), "/frob", text);
}
