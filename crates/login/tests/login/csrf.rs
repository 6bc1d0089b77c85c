//! Requests that a cookie authenticates and that may change something: by double submit, beside the proof by origin.

use std::sync::Arc;

use axum::{Router, body::Body, routing::any};
use http::{HeaderMap, HeaderName, Request};
use vestibule_login::{
    Csrf, DoubleSubmit, Location, LoginClaims, LoginConfigError, LoginManager, NewToken, PartialLogin,
    SigningKey,
};

use super::app::{Answer, SECRET, TurnedClock, User, builder, built, find, routes, send};

const HEADER: &str = "x-csrf-token";

fn login() -> LoginManager<User> {
    let places = [Location::Header, Location::cookie(), Location::query()];
    built(builder().csrf(Csrf::double_submit()).locations(places).user_loader(find))
}

fn app(login: &LoginManager<User>) -> Router {
    routes()
        .route("/partial", any(async |PartialLogin(user): PartialLogin<User>| user.name))
        .with_state(login.clone())
}

async fn ask(app: &Router, method: &str, uri: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::builder().method(method).uri(uri).header("host", "app.example");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send(app, request.body(Body::empty()).unwrap()).await
}

fn verdict(answer: &Answer) -> String {
    match answer.status {
        // HEAD is answered without a body.
        200 if answer.body.is_empty() => "ada".into(),
        200 => answer.body.clone(),
        status => format!("{status} {}", answer.code()),
    }
}

/// Why, the headers of a request, and whether they are enough.
type Submission<'a> = (&'static str, Vec<(&'static str, &'a str)>, bool);

/// Every way to submit the value of `own`, and whether it is enough.
fn submissions<'a>(own: &'a str, other: &'a str, cut: &'a str) -> Vec<Submission<'a>> {
    vec![
        ("good", vec![(HEADER, own)], true),
        ("good, from anywhere", vec![(HEADER, own), ("origin", "https://evil.example")], true),
        ("absent", vec![], false),
        ("absent, from our own pages", vec![("origin", "https://app.example")], false),
        ("absent, from the same origin", vec![("sec-fetch-site", "same-origin")], false),
        ("empty", vec![(HEADER, "")], false),
        ("another session's", vec![(HEADER, other)], false),
        ("cut", vec![(HEADER, cut)], false),
        ("twice", vec![(HEADER, own), (HEADER, own)], false),
        ("two at once", vec![(HEADER, own), (HEADER, other)], false),
        ("under another name", vec![("x-xsrf-token", own)], false),
        ("unreadable", vec![(HEADER, "\u{e9}")], false),
    ]
}

#[tokio::test]
async fn every_method_by_every_place_by_every_value() {
    let login = login();
    let app = app(&login);
    let token = login.create_access_token("ada").unwrap();
    let eves = login.create_access_token("eve").unwrap();
    let (own, other) = (token.csrf().unwrap().expose(), eves.csrf().unwrap().expose());
    assert_ne!(own, other);
    let (cookie, bearer) =
        (format!("__Host-access_token={}", token.expose()), format!("Bearer {}", token.expose()));
    let query = format!("/required?access_token={}", token.expose());
    for (method, is_safe) in [
        ("GET", true),
        ("HEAD", true),
        ("OPTIONS", true),
        ("TRACE", true),
        ("POST", false),
        ("PUT", false),
        ("PATCH", false),
        ("DELETE", false),
        ("FROB", false),
    ] {
        for (why, headers, is_enough) in submissions(own, other, &own[1..]) {
            let expected = if is_safe || is_enough { "ada" } else { "403 cross_site_request" };
            let by_cookie = [vec![("cookie", cookie.as_str())], headers.clone()].concat();
            for route in ["/required", "/optional", "/lenient"] {
                let answer = ask(&app, method, route, &by_cookie).await;
                assert_eq!(verdict(&answer), expected, "{method} {route} by cookie: {why}");
            }
            // What is no cookie is sent by nobody but the caller.
            let by_header = [vec![("authorization", bearer.as_str())], headers.clone()].concat();
            assert_eq!(verdict(&ask(&app, method, "/required", &by_header).await), "ada", "{method}: {why}");
            assert_eq!(verdict(&ask(&app, method, &query, &headers).await), "ada", "{method}: {why}");
        }
    }
}

/// A naive double submit compares two things that whoever can plant a cookie can both choose.
#[tokio::test]
async fn a_planted_cookie_proves_nothing() {
    let login = login();
    let app = app(&login);
    let token = login.create_access_token("ada").unwrap();
    let planted = "00000000000000000000000000000000";
    for cookie in ["__Host-csrf_access_token", "csrf_access_token"] {
        let cookies = format!("__Host-access_token={}; {cookie}={planted}", token.expose());
        let answer = ask(&app, "POST", "/required", &[("cookie", &cookies), (HEADER, planted)]).await;
        assert_eq!(verdict(&answer), "403 cross_site_request", "{cookie}");
    }
    // Nor does a claim of the application's own choice.
    assert!(NewToken::of("ada").claim("csrf", planted).is_err());
}

#[tokio::test]
async fn a_token_from_before_the_double_submit_changes_nothing_by_cookie() {
    let login = login();
    let app = app(&login);
    let old = built(builder().user_loader(find)).create_access_token("ada").unwrap();
    assert!(old.csrf().is_none());
    let cookie = format!("__Host-access_token={}", old.expose());
    assert_eq!(verdict(&ask(&app, "GET", "/required", &[("cookie", &cookie)]).await), "ada");
    for value in ["", "null", "x"] {
        let answer = ask(&app, "POST", "/required", &[("cookie", &cookie), (HEADER, value)]).await;
        assert_eq!(verdict(&answer), "403 cross_site_request", "{value}");
    }
    let key = SigningKey::from_secret(SECRET.as_bytes()).unwrap();
    let seconds = super::app::START / 1000;
    for (csrf, expected) in
        [(r#""""#, "403 cross_site_request"), ("null", "401 invalid_token"), ("1", "401 invalid_token")]
    {
        let claims = format!(
            r#"{{"iss":"https://app.example","aud":"https://app.example","sub":"ada","jti":"j","type":"access","iat":{seconds},"exp":{},"scope":"","csrf":{csrf}}}"#,
            seconds + 60
        );
        let cookie = format!("__Host-access_token={}", key.sign(claims.as_bytes()).unwrap());
        let answer = ask(&app, "POST", "/required", &[("cookie", &cookie), (HEADER, "x")]).await;
        assert_eq!(verdict(&answer), expected, "{csrf}");
    }
}

#[tokio::test]
async fn a_bad_token_stays_a_bad_token_and_a_web_socket_is_known_by_its_origin() {
    let login = login();
    let app = app(&login);
    let answer =
        ask(&app, "POST", "/required", &[("cookie", "__Host-access_token=a.b.c"), (HEADER, "x")]).await;
    assert_eq!(verdict(&answer), "401 invalid_token");
    let token = login.create_access_token("ada").unwrap();
    let cookie = format!("__Host-access_token={}", token.expose());
    let value = token.csrf().unwrap().expose();
    for (method, upgrade) in [("GET", "websocket"), ("CONNECT", "")] {
        for (headers, expected) in [
            (vec![("origin", "https://app.example")], "ada"),
            (vec![("origin", "https://evil.example")], "403 cross_site_request"),
            (vec![(HEADER, value), ("origin", "https://evil.example")], "403 cross_site_request"),
            (vec![], "403 cross_site_request"),
        ] {
            let headers = [vec![("cookie", cookie.as_str()), ("upgrade", upgrade)], headers].concat();
            let uri = if method == "CONNECT" { "app.example:443" } else { "/required" };
            if method == "CONNECT" {
                let request = Request::builder().method(method).uri(uri);
                let request =
                    headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
                let (mut parts, ()) = request.body(()).unwrap().into_parts();
                let verdict = match login.authenticate(&mut parts).await {
                    Ok(login) => login.unwrap().user.name,
                    Err(refusal) => format!("{} {}", refusal.status().as_u16(), refusal.code()),
                };
                assert_eq!(verdict, expected, "{headers:?}");
            } else {
                assert_eq!(verdict(&ask(&app, method, uri, &headers).await), expected, "{headers:?}");
            }
        }
    }
}

#[tokio::test]
async fn half_a_login_needs_the_value_too() {
    let login = login();
    let app = app(&login);
    let partial = login.create_partial_token("ada").unwrap();
    let cookie = format!("__Host-access_token={}", partial.expose());
    let value = partial.csrf().unwrap().expose();
    for (headers, expected) in [
        (vec![("cookie", cookie.as_str())], "403 cross_site_request"),
        (vec![("cookie", cookie.as_str()), (HEADER, "x")], "403 cross_site_request"),
        (vec![("cookie", cookie.as_str()), (HEADER, value)], "ada"),
    ] {
        assert_eq!(verdict(&ask(&app, "POST", "/partial", &headers).await), expected, "{headers:?}");
    }
}

fn cookies_set(
    login: &LoginManager<User>,
    set: impl FnOnce(&LoginManager<User>, &mut HeaderMap),
) -> Vec<String> {
    let mut headers = HeaderMap::new();
    set(login, &mut headers);
    headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn the_readable_cookie_goes_with_the_token() {
    let named = DoubleSubmit::new().cookie("XSRF-TOKEN").header(HeaderName::from_static("x-xsrf-token"));
    for (csrf, url, name) in [
        (Csrf::double_submit(), "https://app.example", "__Host-csrf_access_token"),
        (Csrf::double_submit(), "http://127.0.0.1:3000", "csrf_access_token"),
        (named.clone().into(), "https://app.example", "__Host-XSRF-TOKEN"),
        (named.clone().into(), "http://127.0.0.1:3000", "XSRF-TOKEN"),
    ] {
        let login = built(builder().public_url(url).csrf(csrf).user_loader(find));
        let token = login.create_access_token("ada").unwrap();
        let value = token.csrf().unwrap().expose();
        assert!(value.len() == 32 && value.bytes().all(|byte| byte.is_ascii_hexdigit()), "{value}");
        let secure = if url.starts_with("https") { "; Secure" } else { "" };
        let set = cookies_set(&login, |login, headers| login.set_cookie(headers, &token).unwrap());
        assert_eq!(set[0], format!("{name}={value}; Path=/; Max-Age=900; SameSite=Lax{secure}"));
        assert!(set[1].contains("access_token=ey") && set[1].contains("HttpOnly"), "{set:?}");
        let deleted = cookies_set(&login, |login, headers| login.delete_cookie(headers).unwrap());
        assert_eq!(deleted.len(), 2);
        assert_eq!(deleted[1], format!("{name}=; Path=/; Max-Age=0; SameSite=Lax{secure}"));
    }
    let login = built(builder().csrf(named).user_loader(find));
    let token = login.create_access_token("ada").unwrap();
    let cookie = format!("__Host-access_token={}", token.expose());
    let value = token.csrf().unwrap().expose();
    let answer =
        ask(&app(&login), "POST", "/required", &[("cookie", &cookie), ("x-xsrf-token", value)]).await;
    assert_eq!(verdict(&answer), "ada");
    assert_eq!(format!("{:?}", login.verify(token.expose()).await.unwrap().csrf), "Some(CsrfToken(…))");
    let by_origin = built(builder().user_loader(find));
    let token = by_origin.create_access_token("ada").unwrap();
    let set = cookies_set(&by_origin, |login, headers| login.set_cookie(headers, &token).unwrap());
    assert_eq!(set.len(), 1, "off unless somebody asks for it");
    let bad = builder().csrf(DoubleSubmit::new().cookie("a b")).user_loader(find).build().unwrap_err();
    assert!(bad.to_string().contains("`a b` cannot be the name"), "{bad}");
}

#[tokio::test]
async fn a_renewal_keeps_the_value_and_asks_for_it() {
    let clock = TurnedClock::new();
    let login = built(builder().clock(Arc::clone(&clock) as _).csrf(Csrf::double_submit()).user_loader(find));
    let router =
        Router::new().route("/public", any(async || "for everybody")).layer(login.renewal_layer().unwrap());
    let token = login.create_access_token("ada").unwrap();
    let value = token.csrf().unwrap();
    let cookie = format!("__Host-access_token={}", token.expose());
    clock.advance(12 * 60_000);
    for (method, submitted, is_renewed) in
        [("GET", "", true), ("POST", "", false), ("POST", "x", false), ("POST", value.expose(), true)]
    {
        let answer = ask(&router, method, "/public", &[("cookie", &cookie), (HEADER, submitted)]).await;
        let set: Vec<_> =
            answer.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap()).collect();
        assert_eq!(set.len(), if is_renewed { 2 } else { 0 }, "{method} {submitted}");
        if is_renewed {
            let expected = format!("__Host-csrf_access_token={}; Path=/; Max-Age=900;", value.expose());
            assert!(set[0].starts_with(&expected), "{set:?}");
            let token = set[1].split(['=', ';']).nth(1).unwrap();
            let claims: LoginClaims = login.verify(token).await.unwrap();
            assert_eq!(claims.csrf.as_ref(), Some(value), "pages that are open go on");
        }
    }
}

/// Browsers keep one cookie of a name: the value would have been in place of the token.
#[test]
fn the_readable_cookie_cannot_have_the_name_of_the_token() {
    for (url, name) in [
        ("https://app.example", "access_token"),
        ("https://app.example", "__Host-access_token"),
        ("http://127.0.0.1:3000", "access_token"),
    ] {
        let csrf = DoubleSubmit::new().cookie(name);
        let error = builder().public_url(url).csrf(csrf).user_loader(find).build().unwrap_err();
        assert!(matches!(error, LoginConfigError::CsrfCookie(_)), "{url} {name}: {error}");
        assert!(error.to_string().contains("give one another name"));
    }
    let plain = DoubleSubmit::new().cookie("__Host-XSRF-TOKEN");
    assert_eq!(plain.cookie_name("access_token", false), "XSRF-TOKEN");
}
