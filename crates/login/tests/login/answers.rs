//! What refused requests are answered with.

use axum::{Router, body::Body, extract::State, response::IntoResponse, routing::any};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::json;
use vestibule_login::{
    Answer, Fresh, Location, LoggedIn, LoginManager, Next, Rejection, RequiredScopes, Scoped,
};

use super::app::{User, builder, built, find, get, send, with_token};

struct Read;

impl RequiredScopes for Read {
    const SCOPES: &'static [&'static str] = &["read"];
}

fn app(unauthenticated: Answer, out_of_scope: Answer) -> (Router, LoginManager<User>) {
    let login =
        built(builder().unauthenticated(unauthenticated).out_of_scope(out_of_scope).user_loader(find));
    let inner = Router::new().route("/deep", any(async |LoggedIn(user): LoggedIn<User>| user.name));
    let app = Router::new()
        .route("/required", any(async |LoggedIn(user): LoggedIn<User>| user.name))
        .route("/scoped", any(async |user: Scoped<User, Read>| user.into_user().name))
        .route("/fresh", any(async |Fresh(user): Fresh<User>| user.name))
        .route("/login", any(async |_: LoggedIn<User>, next: Next| next.to_string()))
        .nest("/nested", inner)
        .with_state(login.clone());
    (app, login)
}

#[tokio::test]
async fn an_application_answers_with_its_own_status_and_body() {
    let out_of_scope = Answer::json(StatusCode::BAD_REQUEST, &json!({"detail": "Not enough scopes"}));
    let page = Answer::body(StatusCode::UNAUTHORIZED, HeaderValue::from_static("text/html"), "<p>Who?</p>");
    let (app, login) = app(page, out_of_scope);
    let token = login.create_access_token("ada").unwrap();
    for request in [with_token("/required", "a.b.c"), get("/required").body(Body::empty()).unwrap()] {
        let answer = send(&app, request).await;
        assert_eq!((answer.status, answer.body.as_str()), (401, "<p>Who?</p>"));
        assert_eq!(answer.header("content-type"), "text/html");
        assert!(answer.header("www-authenticate").starts_with("Bearer"), "RFC 9110 §15.5.2");
        assert_eq!(answer.header("cache-control"), "no-store");
    }
    let answer = send(&app, with_token("/scoped", token.expose())).await;
    assert_eq!((answer.status, answer.body.as_str()), (400, r#"{"detail":"Not enough scopes"}"#));
    assert_eq!(answer.header("content-type"), "application/json");
}

#[tokio::test]
async fn a_status_alone_keeps_the_problem() {
    let (app, login) = app(Answer::problem(), Answer::status(StatusCode::BAD_REQUEST));
    let token = login.create_access_token("ada").unwrap();
    let answer = send(&app, with_token("/scoped", token.expose())).await;
    assert_eq!((answer.status, answer.code()), (400, "insufficient_scope".into()));
    assert!(answer.body.contains("\"status\":400"), "{}", answer.body);
    assert_eq!(answer.header("content-type"), "application/problem+json");
}

#[tokio::test]
async fn an_application_makes_its_answer_of_the_refusal() {
    let teapot = |refusal: &vestibule_login::Refusal, parts: &http::request::Parts| {
        (StatusCode::IM_A_TEAPOT, format!("{} at {}", refusal.code(), parts.uri)).into_response()
    };
    let (app, _) = app(Answer::custom(teapot), Answer::problem());
    let answer = send(&app, get("/required").body(Body::empty()).unwrap()).await;
    assert_eq!((answer.status, answer.body.as_str()), (418, "not_authenticated at /required"));
}

#[tokio::test]
async fn outages_and_forgeries_are_not_the_login_pages_business() {
    let (app, login) = app(Answer::redirect("/login"), Answer::redirect("/more"));
    let broken = login.create_access_token("broken").unwrap();
    assert_eq!(send(&app, with_token("/required", broken.expose())).await.status, 500);
    let token = login.create_access_token("ada").unwrap();
    let forged = http::Request::post("/required")
        .header("cookie", format!("__Host-access_token={}", token.expose()))
        .header("origin", "https://evil.example");
    assert_eq!(send(&app, forged.body(Body::empty()).unwrap()).await.code(), "cross_site_request");
}

/// Duende CVE-2024-39694: an open redirect.
#[tokio::test]
async fn t56_the_login_page_gets_a_safe_next_and_nothing_else() {
    let (app, login) = app(Answer::redirect("/login?lang=de"), Answer::problem());
    for (method, path, place) in [
        ("GET", "/required", "/login?lang=de&next=%2Frequired"),
        ("GET", "/required?page=2&q=a%20b", "/login?lang=de&next=%2Frequired%3Fpage%3D2%26q%3Da%2520b"),
        ("GET", "/nested/deep?x=1", "/login?lang=de&next=%2Fnested%2Fdeep%3Fx%3D1"),
        (
            "GET",
            "/required?next=//evil.example",
            "/login?lang=de&next=%2Frequired%3Fnext%3D%2F%2Fevil.example",
        ),
        (
            "GET",
            "/required?q=https://evil.example",
            "/login?lang=de&next=%2Frequired%3Fq%3Dhttps%3A%2F%2Fevil.example",
        ),
        // What cannot be asked for again is not gone back to.
        ("POST", "/required", "/login?lang=de"),
        ("GET", "http://evil.example/required", "/login?lang=de&next=%2Frequired"),
    ] {
        let request = http::Request::builder().method(method).uri(path).header("host", "evil.example");
        let answer = send(&app, request.body(Body::empty()).unwrap()).await;
        assert_eq!((answer.status, answer.header("location")), (303, place), "{method} {path}");
        assert!(answer.headers.get("www-authenticate").is_none() && answer.body.is_empty());
    }
    // A login page that refuses somebody sends nobody to itself.
    for path in ["/login", "/login?next=/x"] {
        let answer = send(&app, get(path).body(Body::empty()).unwrap()).await;
        assert_eq!((answer.status, answer.code()), (401, "not_authenticated".into()), "{path}");
    }
    let stale = vestibule_login::NewToken::of("ada").not_fresh();
    let stale = login.create_access_token(stale).unwrap();
    let answer = send(&app, with_token("/fresh", stale.expose())).await;
    assert_eq!(answer.header("location"), "/login?lang=de&next=%2Ffresh");
    let token = login.create_access_token("ada").unwrap();
    for (query, place) in
        [("next=/posts", "/posts"), ("next=//evil.example", "/"), ("next=/a&next=/b", "/"), ("", "/")]
    {
        let answer = send(&app, with_token(&format!("/login?{query}"), token.expose())).await;
        assert_eq!(answer.body, place, "{query}");
    }
}

/// It would be in the address of the login page, and refused once more on the way back: round and round.
#[tokio::test]
async fn t56_a_token_in_the_query_does_not_come_along_to_the_login_page() {
    let places = [Location::Header, Location::query(), Location::WebSocketQuery("ticket".into())];
    let redirect = Answer::redirect("/login");
    let login = built(builder().locations(places).unauthenticated(redirect).user_loader(find));
    let app = Router::new()
        .route("/fresh", any(async |Fresh(user): Fresh<User>| user.name))
        .with_state(login.clone());
    let stale = login.create_access_token(vestibule_login::NewToken::of("ada").not_fresh()).unwrap();
    let stale = stale.expose();
    for (query, next) in [
        ("access_token=a.b.c".to_owned(), "%2Ffresh"),
        (format!("access_token={stale}"), "%2Ffresh"),
        (format!("x=1&%61ccess_token={stale}&y=2"), "%2Ffresh%3Fx%3D1%26y%3D2"),
        (format!("x=1&ticket={stale}"), "%2Ffresh%3Fx%3D1"),
        ("access_token&x".into(), "%2Ffresh%3Fx"),
        ("access_tokens=1".into(), "%2Ffresh%3Faccess_tokens%3D1"),
    ] {
        let answer = send(&app, get(&format!("/fresh?{query}")).body(Body::empty()).unwrap()).await;
        assert_eq!(answer.header("location"), format!("/login?next={next}"), "{query}");
    }
}

/// What cannot be made is nobody's business but ours.
#[tokio::test]
async fn what_fails_while_a_token_is_made_is_a_500_that_says_nothing() {
    async fn rejected(State(login): State<LoginManager<User>>) -> Result<String, Rejection> {
        Ok(login.create_access_token(String::new())?.expose().to_owned())
    }
    async fn mixed(State(login): State<LoginManager<User>>) -> axum::response::Result<HeaderMap> {
        let mut headers = HeaderMap::new();
        let token = login.create_access_token("ada")?;
        login.set_cookie(&mut headers, &token)?;
        Ok(headers)
    }
    async fn claimed() -> axum::response::Result<()> {
        let _ = vestibule_login::NewToken::of("ada").claim("sub", 1)?;
        Ok(())
    }
    let login = built(builder().locations([Location::Header]).user_loader(find));
    let app = Router::new().route("/rejected", any(rejected)).route("/mixed", any(mixed));
    let app = app.route("/claimed", any(claimed)).with_state(login);
    for path in ["/rejected", "/mixed", "/claimed"] {
        let answer = send(&app, get(path).body(Body::empty()).unwrap()).await;
        assert_eq!((answer.status, answer.code()), (500, "internal".into()), "{path}");
        assert!(answer.body.contains("\"detail\":\"Something went wrong\""), "{}", answer.body);
    }
}

/// Whoever asks in a way of their own answers as we do.
#[tokio::test]
async fn a_refusal_of_the_applications_own_gets_the_applications_answer() {
    let teapot = Answer::status(StatusCode::IM_A_TEAPOT);
    let login = built(builder().unauthenticated(teapot).user_loader(find));
    let (mut parts, ()) = get("/").header("authorization", "Bearer a.b.c").body(()).unwrap().into_parts();
    let refusal = login.authenticate(&mut parts).await.unwrap_err();
    let rejection = login.reject(refusal, &parts);
    assert_eq!(rejection.refusal().code(), "invalid_token");
    assert_eq!(rejection.into_response().status(), StatusCode::IM_A_TEAPOT);
}

#[tokio::test]
async fn programs_get_the_problem_where_only_pages_are_redirected() {
    let (app, _) = app(Answer::redirect_pages("/login"), Answer::problem());
    for (accept, status) in [
        ("text/html,application/xhtml+xml,*/*;q=0.8", 303),
        ("application/json, Text/HTML;q=0.1", 303),
        ("application/json", 401),
        ("*/*", 401),
        ("", 401),
    ] {
        let request = get("/required").header("accept", accept).body(Body::empty()).unwrap();
        assert_eq!(send(&app, request).await.status, status, "{accept}");
    }
}

/// A cookie lives as long as its token, and a token may die before: a user who is gone, a secret that was replaced.
#[tokio::test]
async fn a_dead_cookie_leads_to_the_login_page_and_not_in_circles() {
    let login = built(builder().unauthenticated(Answer::redirect("/login")).user_loader(find));
    let page =
        async |user: Option<LoggedIn<User>>| user.map_or("log in".to_owned(), |LoggedIn(user)| user.name);
    let required = async |LoggedIn(user): LoggedIn<User>| user.name;
    let routes = || Router::new().route("/login", any(page)).route("/required", any(required));
    let other = LoginManager::from_secret([b'x'; 32]).public_url("https://app.example");
    let forged = built(other.clock(super::app::TurnedClock::new()).user_loader(find));
    let dead = [
        login.create_access_token("nobody").unwrap().expose().to_owned(),
        forged.create_access_token("ada").unwrap().expose().to_owned(),
        "a.b.c".to_owned(),
    ];
    for app in [routes().with_state(login.clone()), routes().layer(login.layer()).with_state(login.clone())] {
        for token in &dead {
            let mut cookie = Some(format!("__Host-access_token={token}"));
            let (mut path, mut hops) = ("/required".to_owned(), 0);
            let body = loop {
                let request = http::Request::get(&path);
                let request = cookie.iter().fold(request, |request, cookie| request.header("cookie", cookie));
                let answer = send(&app, request.body(Body::empty()).unwrap()).await;
                hops += 1;
                assert!(hops < 4, "round and round: {path}");
                if answer.headers.get("set-cookie").is_some() {
                    let set = answer.header("set-cookie");
                    assert!(set.starts_with("__Host-access_token=;") && set.contains("Max-Age=0"), "{set}");
                    cookie = None;
                }
                if answer.status != 303 {
                    break answer.body;
                }
                path = answer.header("location").to_owned();
            };
            assert_eq!(body, "log in");
        }
    }
    // What is not dead stays: a token of another type, a request from elsewhere, a token in the header.
    let partial = login.create_partial_token("ada").unwrap();
    let by_cookie =
        http::Request::get("/required").header("cookie", format!("__Host-access_token={}", partial.expose()));
    let app = routes().with_state(login.clone());
    for request in [by_cookie.body(Body::empty()).unwrap(), with_token("/required", "a.b.c")] {
        let answer = send(&app, request).await;
        assert!(answer.headers.get("set-cookie").is_none(), "{:?}", answer.headers);
    }
}
