//! One row for every route: who may call it, and what it does to cookies. A route without a row fails.

use http::Method;
use serde_json::Value;
use vestibule_testkit::{Client, RequestBuilder, TestApp};

use super::openapi;

/// Who may call a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// Everybody.
    Anyone,
    /// Whoever has a valid access token.
    Authenticated,
    /// Whose account may administrate.
    Admin,
    /// Whoever has a valid refresh token.
    RefreshToken,
}

/// What a route does to cookies, and so which proofs it asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cookies {
    /// It sets none.
    None,
    /// It sets ours: it refuses foreign pages even without cookies.
    Sets,
    /// It deletes ours: it refuses foreign pages where our cookies come along.
    Deletes,
}

/// What a route takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Body {
    None,
    Json {
        required: &'static [&'static str],
        optional: &'static [&'static str],
        may_be_absent: bool,
    },
    Form {
        required: &'static [&'static str],
        optional: &'static [&'static str],
    },
    /// A file, as multipart/form-data.
    File,
    /// JSON whose fields are not all texts.
    Mixed {
        required: &'static [&'static str],
        optional: &'static [&'static str],
    },
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Route {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    pub(super) access: Access,
    pub(super) cookies: Cookies,
    pub(super) body: Body,
}

const fn route(
    method: &'static str,
    path: &'static str,
    access: Access,
    cookies: Cookies,
    body: Body,
) -> Route {
    Route { method, path, access, cookies, body }
}

const fn open(method: &'static str, path: &'static str) -> Route {
    route(method, path, Access::Anyone, Cookies::None, Body::None)
}

const fn json(
    method: &'static str,
    path: &'static str,
    access: Access,
    required: &'static [&'static str],
) -> Route {
    let body = Body::Json { required, optional: &[], may_be_absent: false };
    route(method, path, access, Cookies::None, body)
}

const fn admin(method: &'static str, path: &'static str) -> Route {
    route(method, path, Access::Admin, Cookies::None, Body::None)
}

pub(super) const ROUTES: &[Route] = &[
    route(
        "POST",
        "/api/v1/login",
        Access::Anyone,
        Cookies::None,
        Body::Form {
            required: &["username", "password"],
            optional: &["grant_type", "scope", "client_id", "client_secret", "captcha"],
        },
    ),
    route(
        "POST",
        "/api/v1/token",
        Access::Anyone,
        Cookies::None,
        Body::Form {
            required: &["username", "password"],
            optional: &["grant_type", "scope", "client_id", "client_secret", "refresh_token", "captcha"],
        },
    ),
    route(
        "POST",
        "/api/users/register",
        Access::Anyone,
        Cookies::Sets,
        Body::Json {
            required: &["email", "username", "password1", "password2"],
            optional: &["full_name", "captcha"],
            may_be_absent: false,
        },
    ),
    route(
        "POST",
        "/api/users/login",
        Access::Anyone,
        Cookies::Sets,
        Body::Json {
            required: &["login", "password"],
            optional: &["restore", "captcha"],
            may_be_absent: false,
        },
    ),
    route(
        "POST",
        "/api/users/logout",
        Access::Anyone,
        Cookies::Deletes,
        Body::Json { required: &[], optional: &["scope", "refresh_token"], may_be_absent: true },
    ),
    route("POST", "/api/users/token", Access::Authenticated, Cookies::None, Body::None),
    route(
        "POST",
        "/api/users/token/refresh",
        Access::RefreshToken,
        Cookies::Sets,
        Body::Json { required: &[], optional: &["refresh_token"], may_be_absent: true },
    ),
    route("GET", "/api/users/sessions", Access::Authenticated, Cookies::None, Body::None),
    route("DELETE", "/api/users/sessions/{id}", Access::Authenticated, Cookies::Deletes, Body::None),
    route("GET", "/api/v1/users/me", Access::Authenticated, Cookies::None, Body::None),
    route(
        "POST",
        "/api/v1/users",
        Access::Anyone,
        Cookies::None,
        Body::Json {
            required: &["email", "password"],
            optional: &["username", "full_name", "captcha"],
            may_be_absent: false,
        },
    ),
    route("GET", "/api/users/confirm", Access::Authenticated, Cookies::None, Body::None),
    route("POST", "/api/users/confirm", Access::Authenticated, Cookies::None, Body::None),
    open("POST", "/api/users/confirm/{token}"),
    json("POST", "/api/users/confirm_code", Access::Anyone, &["email", "code"]),
    open("GET", "/api/users/captcha"),
    json("POST", "/api/users/forgot_password", Access::Anyone, &["email"]),
    route("GET", "/api/users/password", Access::Authenticated, Cookies::None, Body::None),
    json("POST", "/api/users/password", Access::Authenticated, &["password1", "password2"]),
    json("PUT", "/api/users/password", Access::Authenticated, &["old_password", "password1", "password2"]),
    json("POST", "/api/users/password/{token}", Access::Anyone, &["password1", "password2"]),
    json("POST", "/api/users/password_code", Access::Anyone, &["email", "code", "password1", "password2"]),
    route("GET", "/api/users/activity", Access::Authenticated, Cookies::None, Body::None),
    open("GET", "/api/v1/users/{id}/avatar"),
    route("POST", "/api/v1/users/{id}/avatar", Access::Authenticated, Cookies::None, Body::File),
    route("DELETE", "/api/v1/users/{id}/avatar", Access::Authenticated, Cookies::None, Body::None),
    route("GET", "/api/users/limits", Access::Authenticated, Cookies::None, Body::None),
    route("GET", "/api/users/export", Access::Authenticated, Cookies::None, Body::None),
    route(
        "POST",
        "/api/users/delete",
        Access::Authenticated,
        Cookies::Deletes,
        Body::Json { required: &["password"], optional: &[], may_be_absent: false },
    ),
    json("POST", "/api/users/{id}/change_username", Access::Authenticated, &["username"]),
    route(
        "POST",
        "/api/users/{id}/change_email",
        Access::Authenticated,
        Cookies::None,
        Body::Json { required: &["email"], optional: &["password"], may_be_absent: false },
    ),
    admin("GET", "/api/users/blacklist"),
    admin("POST", "/api/users/{id}/blacklist"),
    admin("POST", "/api/users/{id}/kick"),
    admin("GET", "/api/users/{id}/limits"),
    admin("POST", "/api/users/{id}/unlock"),
    admin("GET", "/api/users/blackout"),
    admin("POST", "/api/users/blackout"),
    admin("DELETE", "/api/users/blackout"),
    admin("GET", "/api/users/id_by_username"),
    route(
        "PATCH",
        "/api/users/{id}/permissions",
        Access::Admin,
        Cookies::None,
        Body::Mixed { required: &["action"], optional: &["payload"] },
    ),
    admin("GET", "/api/users"),
    admin("GET", "/api/users/{id}"),
    admin("GET", "/api/v1/users"),
    admin("GET", "/api/v1/users/{id}"),
    route(
        "PATCH",
        "/api/v1/users/{id}",
        Access::Admin,
        Cookies::None,
        Body::Mixed {
            required: &[],
            optional: &["email", "username", "full_name", "active", "confirmed", "permissions"],
        },
    ),
    admin("DELETE", "/api/v1/users/{id}"),
    admin("GET", "/api/v1/audit"),
    open("GET", "/health/live"),
    open("GET", "/health/ready"),
    open("GET", "/.well-known/jwks.json"),
    open("GET", "/.well-known/change-password"),
];

impl Route {
    /// A request to the route, with some id where it has one.
    pub(super) fn request(&self, client: &Client) -> RequestBuilder {
        let path = self.path.replace("{id}", "0190163d-8694-739b-aea5-966c26f8ad91");
        let path = path.replace("{token}", &"A".repeat(43));
        client.request(self.method.parse::<Method>().unwrap(), &path)
    }

    /// Whether it needs an access token.
    pub(super) fn needs_login(&self) -> bool {
        matches!(self.access, Access::Authenticated | Access::Admin)
    }

    /// Whether it takes a body of fields; files are for `avatar.rs`.
    pub(super) fn takes_text(&self) -> bool {
        !matches!(self.body, Body::None | Body::File)
    }

    fn is_unsafe(&self) -> bool {
        self.method != "GET"
    }
}

#[tokio::test]
async fn every_route_stands_in_the_table_and_every_row_is_a_route() {
    let app = TestApp::start().await;
    let description = openapi::of(&app).await;
    let mut described: Vec<_> =
        openapi::operations(&description).map(|(method, path, _)| format!("{method} {path}")).collect();
    let mut listed: Vec<_> = ROUTES.iter().map(|route| format!("{} {}", route.method, route.path)).collect();
    described.sort_unstable();
    listed.sort_unstable();
    assert_eq!(described, listed, "a new route needs a row in guard.rs");
}

#[tokio::test]
async fn what_needs_a_login_refuses_everybody_without_one() {
    let app = TestApp::start().await;
    for route in ROUTES {
        let answer = route.request(&app.client()).await;
        match route.access {
            Access::Anyone => assert_ne!(answer.status, 401, "{route:?}"),
            Access::Authenticated | Access::Admin | Access::RefreshToken => {
                let answer = answer.expect_problem(401, "not_authenticated");
                assert_eq!(answer.header("www-authenticate"), Some("Bearer"), "{route:?}");
                assert!(answer.cookies().is_empty());
            }
        }
    }
}

/// T07, Authelia CVE-2021-32637, and T14, authentik CVE-2026-25748: what cannot be read denies.
#[tokio::test]
async fn t14_a_malformed_credential_is_refused_by_every_route_that_needs_one() {
    let app = TestApp::start().await;
    let ada = app.client().registered("ada").await;
    let good = ada.cookie("access_token").unwrap();
    for route in ROUTES.iter().filter(|route| route.needs_login()) {
        for header in ["Bearer", "Bearer x y", "Bearer \u{ff}", "", "Bearer x", &format!("Bearer {good}.x")] {
            let request = route.request(&ada).header("authorization", header);
            let _ = request.await.expect_problem(401, "invalid_token");
        }
        for cookie in
            ["access_token=", "access_token=x", "access_token=a b", "access_token=x; access_token=y"]
        {
            let request = route.request(&app.client()).header("cookie", cookie);
            let _ = request.await.expect_problem(401, "invalid_token");
        }
    }
}

#[tokio::test]
async fn unsafe_requests_that_a_cookie_authenticates_need_proof_of_their_origin() {
    let app = TestApp::start().await;
    let ada = app.client().registered("ada").await;
    for route in ROUTES.iter().filter(|route| route.is_unsafe()) {
        let asks_cookies = route.access != Access::Anyone || route.cookies == Cookies::Deletes;
        let is_refused = asks_cookies || route.cookies == Cookies::Sets;
        for (name, value) in [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")] {
            let request = route.request(&ada.copy()).without("origin").header(name, value);
            let answer = json_where_needed(route, request).await;
            assert_eq!(answer.code() == "cross_site_request", is_refused, "{route:?} {}", answer.text());
            assert!(!is_refused || answer.status == 403 && answer.cookies().is_empty());
        }
        // Without cookies only the routes that set some refuse a foreign page.
        let request = route.request(&app.client()).header("origin", "https://evil.example");
        let answer = json_where_needed(route, request).await;
        let sets = route.cookies == Cookies::Sets;
        assert_eq!(answer.code() == "cross_site_request", sets, "{route:?} {}", answer.text());
    }
}

fn json_where_needed(route: &Route, request: RequestBuilder) -> RequestBuilder {
    match route.body {
        Body::None | Body::File => request,
        Body::Json { .. } | Body::Mixed { .. } => request.json(&Value::Object(serde_json::Map::new())),
        Body::Form { .. } => request.form(&[]),
    }
}

#[tokio::test]
async fn tokens_of_every_dead_kind_are_refused_by_every_route_that_needs_one() {
    let app = TestApp::start().await;
    let logged_out = app.client().registered("ada").await;
    let dead = logged_out.cookie("access_token").unwrap();
    let refresh = logged_out.cookie("refresh_token").unwrap();
    let _ = logged_out.post("/api/users/logout").await.expect(200);
    let foreign = TestApp::start().await.client().registered("ada").await.cookie("access_token").unwrap();
    let expiring = app.client().logged_in("ada").await.cookie("access_token").unwrap();
    app.clock().advance(std::time::Duration::from_mins(15));
    for route in ROUTES.iter().filter(|route| route.needs_login()) {
        for token in [&dead, &refresh, &foreign, &expiring] {
            let answer = route.request(&app.client().with_bearer(token)).await;
            let _ = answer.expect_problem(401, "invalid_token");
            let browser = app.client();
            browser.plant_cookie("access_token", token);
            let _ = route.request(&browser).await.expect_problem(401, "invalid_token");
        }
    }
}

#[tokio::test]
async fn the_audit_says_of_every_route_who_may_call_it() {
    use vestibule::http::{cookies::CookiePolicy, route_audit::audit_routes};
    let audit = audit_routes(CookiePolicy::new(true));
    for route in ROUTES {
        let row = audit.rows().iter().find(|row| row.method == route.method && row.path == route.path);
        let expected = match route.access {
            Access::Anyone => "anyone",
            Access::Authenticated => "logged in",
            Access::Admin => "administrators",
            Access::RefreshToken => "with a refresh token",
        };
        assert_eq!(row.map(|row| row.who.as_str()), Some(expected), "{} {}", route.method, route.path);
    }
    let app = TestApp::start().await;
    let client = app.client();
    // What it lists beside the described routes is there: a page may be without its token, but the path is routed.
    for row in audit.rows().iter().filter(|row| row.method == "GET" && row.who == "anyone") {
        let answer = client.get(&row.path.replace("{token}", "x").replace("/*", "/")).await;
        assert_ne!(answer.status, http::StatusCode::METHOD_NOT_ALLOWED, "{}", row.path);
    }
    assert!(audit.rows().len() > ROUTES.len());
}
