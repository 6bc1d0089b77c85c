//! Where tokens are looked for, good, bad and absent, by every extractor.

use axum::{Router, body::Body};
use http::{Method, Request};
use proptest::prelude::*;
use vestibule_login::{Location, LoginManager, NewToken};

use super::app::{Answer, User, builder, built, find, get, manager, routes, send, with_token};

const ROUTES: [&str; 3] = ["/required", "/optional", "/lenient"];

/// Puts a token into a request.
#[derive(Clone, Copy, Debug)]
enum Place {
    Header,
    Cookie,
    Query,
    Body,
    OwnHeader,
}

const PLACES: [Place; 5] = [Place::Header, Place::Cookie, Place::Query, Place::Body, Place::OwnHeader];

impl Place {
    fn location(self) -> Location {
        match self {
            Self::Header => Location::Header,
            Self::Cookie => Location::cookie(),
            Self::Query => Location::query(),
            Self::Body => Location::body(),
            Self::OwnHeader => Location::HeaderNamed(http::HeaderName::from_static("x-token")),
        }
    }

    fn put(self, tokens: &[(Self, &str)], path: &str) -> Request<Body> {
        let _ = self;
        let mut uri = path.to_owned();
        let mut request = Request::builder().method(Method::POST).header("origin", "https://app.example");
        let mut body = serde_json::json!({"text": "hello"});
        for (place, token) in tokens {
            match place {
                Self::Header => request = request.header("authorization", format!("Bearer {token}")),
                Self::Cookie => request = request.header("cookie", format!("__Host-access_token={token}")),
                Self::OwnHeader => request = request.header("x-token", *token),
                Self::Query => uri = format!("{path}?access_token={token}"),
                Self::Body => body["access_token"] = (*token).into(),
            }
        }
        let request = request.uri(uri).header("content-type", "application/json");
        request.body(Body::from(body.to_string())).unwrap()
    }
}

fn app(locations: &[Place]) -> (Router, LoginManager<User>) {
    let locations = locations.iter().map(|place| place.location());
    let login = built(builder().locations(locations).user_loader(find));
    (routes().layer(login.layer().lenient()).with_state(login.clone()), login)
}

fn verdict(answer: &Answer) -> String {
    if answer.status == 200 { answer.body.clone() } else { format!("{} {}", answer.status, answer.code()) }
}

fn expected(route: &str, state: &str) -> &'static str {
    match (route, state) {
        (_, "good") => "ada",
        ("/required", "absent") => "401 not_authenticated",
        ("/required" | "/optional", "bad") => "401 invalid_token",
        (_, _) => "(nobody)",
    }
}

#[tokio::test]
async fn every_place_by_every_extractor() {
    for place in PLACES {
        let (app, login) = app(&[place]);
        let good = login.create_access_token("ada").unwrap();
        for (state, token) in [("good", Some(good.expose())), ("bad", Some("a.b.c")), ("absent", None)] {
            for route in ROUTES {
                let tokens: Vec<_> = token.map(|token| (place, token)).into_iter().collect();
                let answer = send(&app, place.put(&tokens, route)).await;
                assert_eq!(verdict(&answer), expected(route, state), "{place:?} {state} {route}");
            }
        }
    }
}

#[tokio::test]
async fn the_first_place_that_holds_something_decides_and_a_bad_one_is_never_skipped() {
    for first in PLACES {
        for second in PLACES {
            if format!("{first:?}") == format!("{second:?}") {
                continue;
            }
            let (app, login) = app(&[first, second]);
            let (ada, eve) =
                (login.create_access_token("ada").unwrap(), login.create_access_token("eve").unwrap());
            let (ada, eve) = (ada.expose(), eve.expose());
            for (tokens, required, lenient) in [
                (vec![(first, ada), (second, eve)], "ada", "ada"),
                (vec![(first, "a.b.c"), (second, eve)], "401 invalid_token", "(nobody)"),
                (vec![(first, ada), (second, "a.b.c")], "ada", "ada"),
                (vec![(second, eve)], "eve", "eve"),
                (vec![(second, "a.b.c")], "401 invalid_token", "(nobody)"),
            ] {
                for (route, expected) in [("/required", required), ("/lenient", lenient)] {
                    let answer = send(&app, first.put(&tokens, route)).await;
                    assert_eq!(verdict(&answer), expected, "{first:?}, {second:?}: {tokens:?} {route}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_place_that_is_not_looked_at_lets_nobody_in() {
    let (app, login) = app(&[Place::Header]);
    let token = login.create_access_token("ada").unwrap();
    for place in [Place::Cookie, Place::Query, Place::Body, Place::OwnHeader] {
        let answer = send(&app, place.put(&[(place, token.expose())], "/required")).await;
        assert_eq!(verdict(&answer), "401 not_authenticated", "{place:?}");
    }
}

#[tokio::test]
async fn t14_t28_a_malformed_credential_denies_and_never_throws() {
    let login = manager();
    let app = routes().with_state(login.clone());
    let token = login.create_access_token("ada").unwrap();
    let token = token.expose();
    let bad = [
        ("authorization", "Bearer".to_owned()),
        ("authorization", "Bearer ".into()),
        ("authorization", String::new()),
        ("authorization", format!("Bearer {token} x")),
        ("authorization", format!("Bearer  {token},{token}")),
        ("authorization", format!("Bearer: {token}")),
        ("authorization", format!("Bearer {token}.")),
        ("authorization", format!("Bearer .{token}")),
        ("authorization", format!("Bearer {token}=")),
        ("authorization", "Bearer ....".into()),
        ("authorization", format!("Bearer {}", "a".repeat(10_000))),
        ("authorization", "B\u{e9}arer x".into()),
        ("cookie", "__Host-access_token".into()),
        ("cookie", "__Host-access_token=".into()),
        ("cookie", format!("__Host-access_token=\"{token}\"")),
        ("cookie", format!("__Host-access_token={token}; __Host-access_token={token}")),
        ("cookie", "__Host-access_token=\u{e9}".into()),
    ];
    for (name, value) in bad {
        for (route, expected) in
            [("/required", "401 invalid_token"), ("/optional", "401 invalid_token"), ("/lenient", "(nobody)")]
        {
            let request = get(route).header(name, value.as_bytes()).body(Body::empty()).unwrap();
            assert_eq!(verdict(&send(&app, request).await), expected, "{name}: {value} {route}");
        }
    }
    let doubled = get("/required").header("authorization", format!("Bearer {token}"));
    let doubled = doubled.header("authorization", format!("Bearer {token}")).body(Body::empty()).unwrap();
    assert_eq!(verdict(&send(&app, doubled).await), "401 invalid_token");
}

#[tokio::test]
async fn another_scheme_counts_as_absent_and_the_next_place_decides() {
    let login = manager();
    let app = routes().with_state(login.clone());
    let token = login.create_access_token("ada").unwrap();
    let request = |scheme: &str| {
        let request = get("/required").header("authorization", scheme);
        request
            .header("cookie", format!("__Host-access_token={}", token.expose()))
            .body(Body::empty())
            .unwrap()
    };
    assert_eq!(verdict(&send(&app, request("Basic Og==")).await), "ada");
    assert_eq!(verdict(&send(&app, request("bearer x")).await), "401 invalid_token");
    let upper = get("/required").header("authorization", format!("BEARER {}", token.expose()));
    assert_eq!(verdict(&send(&app, upper.body(Body::empty()).unwrap()).await), "ada");
}

#[tokio::test]
async fn a_body_that_nobody_read_is_our_fault_and_not_an_absent_token() {
    let login = built(builder().locations([Location::body()]).user_loader(find));
    let app = routes().with_state(login);
    for route in ROUTES {
        let answer = send(&app, get(route).body(Body::empty()).unwrap()).await;
        assert_eq!(verdict(&answer), "500 internal", "{route}");
    }
}

#[tokio::test]
async fn a_body_is_read_within_a_limit_and_put_back() {
    let login = built(builder().locations([Location::body()]).user_loader(find));
    let echo = axum::routing::post(async |body: String| body);
    let app = Router::new().route("/", echo).layer(login.layer()).with_state(login.clone());
    let token = login.create_access_token("ada").unwrap();
    let send_body = async |kind: &str, body: String| {
        let request = Request::post("/").header("content-type", kind).body(Body::from(body)).unwrap();
        send(&app, request).await
    };
    let body = format!(" {{\"access_token\" : \"{}\",\"a\":1}} ", token.expose());
    assert_eq!(send_body("application/json; charset=utf-8", body.clone()).await.body, body);
    assert_eq!(send_body("text/plain", "{".into()).await.status, 200);
    let long = format!("{{\"x\":\"{}\"}}", "x".repeat(65 * 1024));
    let refused = send_body("application/json", long).await;
    assert_eq!((refused.status, refused.code()), (413, "payload_too_large".into()));
    for body in ["{", "{\"access_token\":1}", "{\"access_token\":null}"] {
        assert_eq!(send_body("application/json", body.into()).await.code(), "invalid_token", "{body}");
    }
}

/// CVE-2021-32637 and its kind: what cannot be parsed is denied, not passed.
#[tokio::test]
async fn t07_an_unparsable_query_denies() {
    let login = built(builder().locations([Location::query()]).user_loader(find));
    let app = routes().with_state(login.clone());
    for query in ["access_token=%ff", "access_token=%", "access_token=a&access_token=b", "access_token"] {
        for route in ["/required", "/optional"] {
            let answer = send(&app, get(&format!("{route}?{query}")).body(Body::empty()).unwrap()).await;
            assert_eq!(verdict(&answer), "401 invalid_token", "{query}");
        }
    }
}

/// better-auth CVE-2025-61928: the subject was taken from the body.
#[tokio::test]
async fn t16_nothing_but_the_token_says_who_is_calling() {
    let (app, login) = app(&[Place::Header, Place::Body]);
    let token = login.create_access_token("eve").unwrap();
    let request = Request::post("/required?sub=ada&user=ada&username=ada")
        .header("authorization", format!("Bearer {}", token.expose()))
        .header("content-type", "application/json")
        .header("x-user", "ada")
        .body(Body::from(r#"{"sub":"ada","user":"ada","id":"ada","username":"ada"}"#))
        .unwrap();
    assert_eq!(send(&app, request).await.body, "eve");
    let custom = login.create_access_token(NewToken::of("eve").claim("username", "ada").unwrap()).unwrap();
    assert_eq!(send(&app, with_token("/required", custom.expose())).await.body, "eve");
}

#[tokio::test]
async fn a_cookie_changes_something_only_from_our_own_pages() {
    let login = manager();
    let app = routes().with_state(login.clone());
    let token = login.create_access_token("ada").unwrap();
    let cookie = format!("__Host-access_token={}", token.expose());
    for (method, headers, expected) in [
        ("GET", &[][..], "ada"),
        ("GET", &[("origin", "https://evil.example")], "ada"),
        ("POST", &[], "403 cross_site_request"),
        ("POST", &[("origin", "https://app.example")], "ada"),
        ("POST", &[("sec-fetch-site", "same-origin")], "ada"),
        ("POST", &[("origin", "https://evil.example")], "403 cross_site_request"),
        ("POST", &[("origin", "https://evil.example"), ("host", "evil.example")], "403 cross_site_request"),
        ("POST", &[("origin", "null")], "403 cross_site_request"),
        ("DELETE", &[("sec-fetch-site", "cross-site")], "403 cross_site_request"),
        ("GET", &[("upgrade", "websocket"), ("origin", "https://evil.example")], "403 cross_site_request"),
        ("GET", &[("upgrade", "websocket"), ("origin", "https://app.example")], "ada"),
    ] {
        for route in ROUTES {
            let mut request = Request::builder().method(method).uri(route).header("cookie", &cookie);
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let answer = send(&app, request.body(Body::empty()).unwrap()).await;
            assert_eq!(verdict(&answer), expected, "{method} {headers:?} {route}");
        }
    }
    // What is no cookie is sent by nobody but the caller.
    let post = Request::post("/required").header("authorization", format!("Bearer {}", token.expose()));
    assert_eq!(verdict(&send(&app, post.body(Body::empty()).unwrap()).await), "ada");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Auth.js GHSA-xmf8-cvqr-rfgj: a malformed header threw.
    #[test]
    fn t28_no_header_cookie_or_query_is_a_500_or_lets_anybody_in(
        name in prop_oneof![Just("authorization"), Just("cookie"), Just("x-token")],
        prefix in prop_oneof![Just(""), Just("Bearer "), Just("__Host-access_token=")],
        bytes in proptest::collection::vec(any::<u8>(), 0..60),
        query in "[!-~]{0,30}",
    ) {
        let value = [prefix.as_bytes(), &bytes].concat();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let (app, _) = app(&[Place::Header, Place::Cookie, Place::Query, Place::OwnHeader]);
        let uri = format!("/required?access_token={query}");
        if let Ok(request) = get(&uri).header(name, value).body(Body::empty()) {
            let answer = runtime.block_on(send(&app, request));
            prop_assert_eq!(answer.status, 401);
        }
    }
}
