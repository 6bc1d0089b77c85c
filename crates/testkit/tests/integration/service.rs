//! Health, the documents under `/.well-known`, and what every answer has.

use http::Method;
use serde_json::json;
use vestibule_testkit::{TestApp, faults::Fault};

#[tokio::test]
async fn it_is_alive_and_ready() {
    let app = TestApp::start().await;
    for path in ["/health/live", "/health/ready"] {
        let answer = app.client().get(path).await.expect(200);
        assert_eq!(answer.json(), json!({"status": "ok"}));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
}

#[tokio::test]
async fn without_its_database_it_is_alive_but_not_ready() {
    let app = TestApp::start().await;
    app.store().fail("ping", Fault::Before);
    let _ = app.client().get("/health/live").await.expect(200);
    let answer = app.client().get("/health/ready").await.expect_problem(503, "unavailable");
    assert_eq!((answer.header("retry-after"), &answer.json()["kind"]), (Some("1"), &json!("technical")));
    assert!(!answer.text().contains("injected"), "the cause is not shown");
    app.store().heal();
    let _ = app.client().get("/health/ready").await.expect(200);
}

#[tokio::test]
async fn while_it_drains_nobody_new_is_sent_here() {
    let app = TestApp::start().await;
    let ada = app.client().registered("ada").await;
    app.state().begin_drain();
    let _ = app.client().get("/health/ready").await.expect_problem(503, "unavailable");
    let _ = app.client().get("/health/live").await.expect(200);
    let _ = ada.get("/api/v1/users/me").await.expect(200);
}

#[tokio::test]
async fn the_keys_are_public_and_only_the_public_half() {
    let app = TestApp::start().await;
    let answer = app.client().get("/.well-known/jwks.json").await.expect(200);
    let key = answer.json()["keys"][0].clone();
    assert_eq!(
        key,
        json!({"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": key["kid"], "x": key["x"]})
    );
    assert_eq!(answer.header("cache-control"), Some("public, max-age=60"));
}

#[tokio::test]
async fn password_managers_are_led_to_the_account() {
    let app = TestApp::start().await;
    let answer = app.client().get("/.well-known/change-password").await.expect(303);
    assert!(answer.header("location").unwrap().starts_with('/'));
}

#[tokio::test]
async fn every_answer_has_an_id_and_the_headers_that_protect() {
    let app = TestApp::start().await;
    let ada = app.client().registered("ada").await;
    for (method, path) in [
        ("GET", "/health/live"),
        ("GET", "/api/v1/users/me"),
        ("GET", "/nowhere"),
        ("PUT", "/health/live"),
        ("POST", "/api/v1/login"),
        ("OPTIONS", "/api/v1/login"),
        ("HEAD", "/health/live"),
        ("GET", "/docs/"),
        ("GET", "/openapi.json"),
        ("GET", "/.well-known/jwks.json"),
    ] {
        let answer = ada.request(method.parse().unwrap(), path).header("x-correlation-id", "Id.1_2-3").await;
        assert_eq!(answer.header("x-correlation-id"), Some("Id.1_2-3"), "{path}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{path} {name}");
        }
        assert!(answer.header("content-security-policy").unwrap().contains("default-src 'none'"), "{path}");
        assert!(answer.headers.contains_key("cache-control"), "{path}");
        assert!(!answer.headers.contains_key("server"), "{path}");
    }
    let generated = app.client().get("/health/live").header("x-correlation-id", "a b").await;
    assert_eq!(generated.header("x-correlation-id").unwrap().len(), 32);
    let other = app.client().get("/health/live").header("x-request-id", "other").await;
    assert_eq!(other.header("x-correlation-id"), Some("other"));
}

#[tokio::test]
async fn unknown_routes_and_wrong_methods_are_problems() {
    let app = TestApp::start().await;
    for path in [
        "/",
        "/nowhere",
        "/api",
        "/api/v1/users/",
        "/api/users/nobody/nothing",
        "/%ff",
        "/health/live/x",
        "//",
    ] {
        let answer = app.client().get(path).await.expect_problem(404, "not_found");
        let problem = answer.json();
        assert_eq!(
            problem,
            json!({
                "type": "urn:vestibule:problem:not_found", "title": "Not Found", "status": 404, "detail": "Not found",
                "code": "not_found", "kind": "functional", "id": problem["id"],
            })
        );
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
    for (method, path, allow) in [
        ("GET", "/api/v1/login", "POST"),
        ("PUT", "/api/users/token", "POST"),
        ("POST", "/health/live", "GET,HEAD"),
        ("GET", "/api/users/sessions/x", "DELETE"),
        ("DELETE", "/api/v1/users", "POST,GET,HEAD"),
        ("BREW", "/api/v1/users/me", "GET,HEAD"),
    ] {
        let answer = app.client().request(method.parse().unwrap(), path).await;
        let answer = answer.expect_problem(405, "method_not_allowed");
        assert_eq!(answer.header("allow"), Some(allow), "{method} {path}");
    }
}

#[tokio::test]
async fn head_and_options_are_sane() {
    let app = TestApp::start().await;
    let ada = app.client().registered("ada").await;
    for path in ["/health/live", "/api/v1/users/me", "/openapi.json"] {
        let answer = ada.request(Method::HEAD, path).await.expect(200);
        assert!(answer.body.is_empty());
        let answer = ada.request(Method::OPTIONS, path).await.expect(204);
        assert_eq!(answer.header("allow"), Some("GET,HEAD"), "{path}");
        assert!(answer.body.is_empty());
    }
    let _ = app.client().request(Method::HEAD, "/api/v1/users/me").await.expect(401);
}

#[tokio::test]
async fn a_panic_is_a_problem_that_tells_nothing() {
    async fn panics() {
        panic!("a secret of the house");
    }
    let app = TestApp::builder()
        .routes(|_| axum::Router::new().route("/panics", axum::routing::get(panics)))
        .start()
        .await;
    let answer = app.client().get("/panics").await.expect_problem(500, "internal");
    assert!(!answer.text().contains("secret of the house"));
    let _ = app.client().get("/health/live").await.expect(200);
}
