//! The two cookies and the proofs that unsafe requests give (SPEC §2).

use http::Method;
use serde_json::{Value, json};
use vestibule::http::same_origin::Origin;
use vestibule_testkit::{Client, PASSWORD, RequestBuilder, TestApp};

use super::database;

const PUBLIC: &str = "https://id.example.org";

fn origins<const N: usize>(texts: [&str; N]) -> [Origin; N] {
    texts.map(|text| text.parse().unwrap())
}

fn registration(name: &str) -> Value {
    json!({
        "email": format!("{name}@example.com"), "username": name, "password1": PASSWORD, "password2": PASSWORD,
    })
}

/// The routes that set cookies, each with a body that would do.
fn cookie_setting(client: &Client, number: usize) -> [RequestBuilder; 3] {
    [
        client.post("/api/users/register").json(&registration(&format!("new-{number}"))),
        client.post("/api/users/login").json(&json!({"login": "ada", "password": PASSWORD})),
        client.post("/api/users/token/refresh"),
    ]
}

/// T03, Zitadel CVE-2024-28197: with TLS the names are bound to this very host.
#[tokio::test]
async fn t03_secure_cookies_carry_the_host_prefix_and_nothing_else_is_read() {
    let app = TestApp::builder_at(PUBLIC).start().await;
    let browser = app.client();
    let answer = browser.post("/api/users/register").json(&registration("ada")).await.expect(200);
    let cookies = answer.cookies();
    let lifetimes = [("__Host-access_token", "Max-Age=900"), ("__Host-refresh_token", "Max-Age=2592000")];
    for (cookie, (name, lifetime)) in cookies.iter().zip(lifetimes) {
        assert_eq!(cookie.name, name);
        assert_eq!(cookie.attributes, ["Path=/", lifetime, "HttpOnly", "SameSite=Lax", "Secure"]);
    }
    assert_eq!(answer.header("strict-transport-security"), Some("max-age=31536000"));
    let _ = browser.get("/api/v1/users/me").await.expect(200);

    let planted = app.client();
    planted.plant_cookie("access_token", &browser.cookie("access_token").unwrap());
    planted.plant_cookie("refresh_token", &browser.cookie("refresh_token").unwrap());
    let _ = planted.get("/api/v1/users/me").await.expect_problem(401, "not_authenticated");
    let _ = planted.post("/api/users/token/refresh").await.expect_problem(401, "not_authenticated");
    let _ = planted.post("/api/users/logout").await.expect(200);
    let _ = browser.get("/api/v1/users/me").await.expect(200);

    let answer = browser.post("/api/users/logout").await.expect(200);
    for (cookie, (name, _)) in answer.cookies().iter().zip(lifetimes) {
        assert_eq!(cookie.name, name);
        assert_eq!(cookie.attributes, ["Path=/", "Max-Age=0", "HttpOnly", "SameSite=Lax", "Secure"]);
    }
}

#[tokio::test]
async fn on_plain_loopback_the_cookies_are_plain() {
    let app = TestApp::start().await;
    let answer = app.client().post("/api/users/register").json(&registration("ada")).await.expect(200);
    for (cookie, (name, lifetime)) in
        answer.cookies().iter().zip([("access_token", "Max-Age=900"), ("refresh_token", "Max-Age=2592000")])
    {
        assert_eq!(cookie.name, name);
        assert_eq!(cookie.attributes, ["Path=/", lifetime, "HttpOnly", "SameSite=Lax"]);
    }
    assert_eq!(answer.header("strict-transport-security"), None);
}

#[tokio::test]
async fn no_cookie_is_longer_than_browsers_keep() {
    let app = TestApp::start().await;
    let browser = app.client().registered("ada").await;
    let many: Vec<_> = (0..500).map(|number| format!("permission-{number:03}")).collect();
    let sql = format!("UPDATE account SET permissions = '{}' WHERE username = ?1", json!(many));
    database::change(&app, &sql, "ada");
    let answer = browser.log_in("ada", PASSWORD).await.expect(200);
    for value in answer.headers.get_all("set-cookie") {
        assert!(value.len() <= 4096, "{}", value.len());
    }
    assert_eq!(answer.json()["permissions"].as_array().unwrap().len(), 500, "the account has them all");
    let _ = browser.get("/api/v1/users/me").await.expect(200);
}

#[tokio::test]
async fn an_unsafe_request_with_our_cookie_proves_where_it_comes_from() {
    let app = TestApp::builder_at(PUBLIC)
        .http(|http| http.origins = http.origins.clone().with_allowed(origins(["https://app.example.org"])))
        .start()
        .await;
    let browser = app.client().registered("ada").await;
    let path = "/api/users/sessions/0190163d-8694-739b-aea5-966c26f8ad91";
    let unsafe_requests = |origin: Option<&str>, site: Option<&str>| {
        let dress = |request: RequestBuilder| {
            let mut request = request.without("origin");
            if let Some(origin) = origin {
                request = request.header("origin", origin);
            }
            if let Some(site) = site {
                request = request.header("sec-fetch-site", site);
            }
            request
        };
        [
            (dress(browser.copy().post("/api/users/token")), 200),
            (dress(browser.copy().delete(path)), 404),
            (dress(browser.copy().post("/api/users/token/refresh")), 200),
        ]
    };
    for (origin, site) in [
        (Some(PUBLIC), None),
        (Some("https://ID.example.org:443"), None),
        (Some("https://app.example.org"), None),
        (Some("https://app.example.org"), Some("same-site")),
        (None, Some("same-origin")),
        (Some("null"), Some("same-origin")),
    ] {
        for (request, status) in unsafe_requests(origin, site) {
            let _ = request.await.expect(status);
        }
    }
    let before = database::contents(&app);
    for (origin, site) in [
        (None, None),
        (Some("https://evil.example"), None),
        (Some("https://evil.example"), Some("cross-site")),
        (Some("http://id.example.org"), None),
        (Some("https://id.example.org:8443"), None),
        (Some("https://id.example.org.evil.example"), None),
        (Some("https://id.example.org@evil.example"), None),
        (Some("null"), None),
        (Some(""), None),
        (Some("https://id.example.org, https://id.example.org"), None),
        (Some("garbage"), Some("same-origin")),
        (None, Some("same-site")),
        (None, Some("cross-site")),
        (None, Some("none")),
        (None, Some("Same-Origin")),
    ] {
        for (request, _) in unsafe_requests(origin, site) {
            let _ = request.await.expect_problem(403, "cross_site_request");
        }
        let mut logout = browser.copy().post("/api/users/logout").without("origin");
        for (name, value) in [("origin", origin), ("sec-fetch-site", site)] {
            if let Some(value) = value {
                logout = logout.header(name, value);
            }
        }
        let answer = logout.await.expect_problem(403, "cross_site_request");
        assert!(answer.cookies().is_empty());
    }
    assert_eq!(database::contents(&app), before);
    // Two origins at once are none.
    let request = browser.copy().post("/api/users/token").another_header("origin", PUBLIC);
    let _ = request.await.expect_problem(403, "cross_site_request");
}

#[tokio::test]
async fn a_safe_request_and_a_bearer_token_need_no_proof() {
    let app = TestApp::builder_at(PUBLIC).start().await;
    let browser = app.client().registered("ada").await;
    for origin in ["https://evil.example", "null", "garbage"] {
        let _ = browser.get("/api/v1/users/me").header("origin", origin).await.expect(200);
        let _ = browser.get("/api/users/sessions").header("sec-fetch-site", "cross-site").await.expect(200);
        let bearer = browser.clone().with_bearer(&browser.cookie("access_token").unwrap());
        let _ = bearer.post("/api/users/token").header("origin", origin).await.expect(200);
    }
}

#[tokio::test]
async fn routes_that_set_cookies_refuse_foreign_pages_even_without_cookies() {
    let app = TestApp::builder_at(PUBLIC)
        .http(|http| http.origins = http.origins.clone().with_cors(origins(["https://spa.example.net"])))
        .start()
        .await;
    let _ = app.client().registered("ada").await;
    let before = database::contents(&app);
    let foreign = [
        ("origin", "https://evil.example"),
        ("origin", "https://spa.example.net"),
        ("origin", "null"),
        ("origin", ""),
        ("origin", "file://"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("sec-fetch-site", "garbage"),
    ];
    for (number, (name, value)) in foreign.into_iter().enumerate() {
        for request in cookie_setting(&app.client(), number) {
            let request = request.without("origin").header(name, value);
            let answer = request.await.expect_problem(403, "cross_site_request");
            assert!(answer.cookies().is_empty());
        }
    }
    assert_eq!(database::contents(&app), before);
    // A program that is no browser says nothing about where it comes from.
    for (request, status) in cookie_setting(&app.client(), 99).into_iter().zip([200, 200, 401]) {
        let _ = request.without("origin").await.expect(status);
    }
}

#[tokio::test]
async fn in_development_loopback_is_one_place_under_three_names() {
    let app = TestApp::start().await;
    let browser = app.client().registered("ada").await;
    for origin in ["http://localhost:8000", "http://127.0.0.1:8000", "http://[::1]:8000"] {
        let _ = browser.post("/api/users/token").header("origin", origin).await.expect(200);
    }
    for origin in
        ["http://localhost:8001", "http://localhost", "https://localhost:8000", "http://127.0.0.2:8000"]
    {
        let _ = browser
            .post("/api/users/token")
            .header("origin", origin)
            .await
            .expect_problem(403, "cross_site_request");
    }
}

#[tokio::test]
async fn the_form_routes_set_no_cookie_and_answer_any_page_but_let_only_listed_ones_read() {
    let app = TestApp::builder_at(PUBLIC)
        .http(|http| http.origins = http.origins.clone().with_cors(origins(["https://spa.example.net"])))
        .start()
        .await;
    let _ = app.client().registered("ada").await;
    for path in ["/api/v1/login", "/api/v1/token"] {
        let form = [("username", "ada"), ("password", PASSWORD)];
        let spa =
            app.client().post(path).form(&form).header("origin", "https://spa.example.net").await.expect(200);
        assert_eq!(spa.header("access-control-allow-origin"), Some("https://spa.example.net"));
        assert_eq!(spa.header("access-control-allow-credentials"), None);
        assert!(spa.cookies().is_empty());
        let preflight =
            app.client().request(Method::OPTIONS, path).header("origin", "https://spa.example.net");
        let preflight = preflight.header("access-control-request-method", "POST").await.expect(204);
        assert_eq!(preflight.header("access-control-allow-origin"), Some("https://spa.example.net"));
        let evil = app.client().post(path).form(&form).header("origin", "https://evil.example").await;
        assert_eq!(evil.header("access-control-allow-origin"), None);
        assert!(evil.cookies().is_empty());
    }
}

#[tokio::test]
async fn without_cors_origins_nothing_is_shared() {
    let app = TestApp::start().await;
    for (method, path) in
        [(Method::GET, "/health/live"), (Method::OPTIONS, "/api/v1/login"), (Method::POST, "/api/v1/token")]
    {
        let request = app.client().request(method, path).header("origin", "https://evil.example");
        let answer = request.header("access-control-request-method", "POST").await;
        assert!(answer.headers.keys().all(|name| !name.as_str().starts_with("access-control")));
    }
}
