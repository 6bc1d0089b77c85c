//! Everything that can be wrong with a body: a 4xx with a stable code, no echo, nothing written.

use std::{
    collections::HashSet,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::body::Body as HttpBody;
use bytes::Bytes;
use http_body::Frame;
use proptest::{prelude::*, test_runner::TestRunner};
use serde_json::{Map, Value, json};
use vestibule::http::error::{Code, FIELD_CODES, RULE_CODES};
use vestibule_testkit::{Answer, PASSWORD, RequestBuilder, TestApp};

use super::{
    database,
    guard::{Body, ROUTES, Route},
};

pub(super) const CANARY: &str = "cAnArY-7f3a";

/// What would do for a field.
fn right(route: &Route, field: &str) -> &'static str {
    match (route.path, field) {
        ("/api/users/register" | "/api/v1/users", "username") => "newcomer",
        (_, "username" | "login") => "ada",
        (_, "email") => "newcomer@example.com",
        (_, "password" | "old_password" | "password1" | "password2") => PASSWORD,
        (_, "code") => "12345678",
        _ => "",
    }
}

fn right_body(route: &Route) -> Map<String, Value> {
    let required = match route.body {
        Body::Json { required, .. } | Body::Form { required, .. } | Body::Mixed { required, .. } => required,
        Body::None | Body::File => &[],
    };
    required.iter().map(|field| ((*field).to_owned(), Value::from(right(route, field)))).collect()
}

fn known_codes() -> HashSet<&'static str> {
    let rules = RULE_CODES.iter().map(|(code, _)| *code);
    Code::ALL.iter().map(|code| code.as_str()).chain(rules).collect()
}

/// A 4xx problem with a stable code that repeats nothing and sets no cookie.
#[track_caller]
fn assert_refused(answer: &Answer, case: &str) {
    let text = answer.text();
    assert!(answer.status.is_client_error(), "{case}: {} {text}", answer.status);
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{case}");
    assert!(known_codes().contains(answer.code().as_str()), "{case}: {text}");
    assert_eq!(answer.json()["kind"], "functional", "{case}");
    assert!(!text.contains(CANARY), "{case} is echoed: {text}");
    assert!(!format!("{:?}", answer.headers).contains(CANARY), "{case} is echoed in a header");
    assert!(answer.cookies().is_empty(), "{case}");
}

/// What is told about one field.
#[track_caller]
fn assert_field(answer: &Answer, field: &str, code: &str, case: &str) {
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (422, "validation_failed"), "{case}");
    let errors = answer.json()["errors"].clone();
    let errors = errors.as_array().unwrap();
    let found: Vec<_> =
        errors.iter().map(|error| (error["field"].as_str(), error["code"].as_str())).collect();
    assert_eq!(found, [(Some(field), Some(code))], "{case}");
    assert!(FIELD_CODES.iter().any(|(known, _)| *known == code));
}

fn json_routes() -> impl Iterator<Item = (&'static Route, &'static [&'static str], &'static [&'static str])> {
    ROUTES.iter().filter_map(|route| match route.body {
        Body::Json { required, optional, .. } => Some((route, required, optional)),
        _ => None,
    })
}

fn form_routes() -> impl Iterator<Item = (&'static Route, &'static [&'static str], &'static [&'static str])> {
    ROUTES.iter().filter_map(|route| match route.body {
        Body::Form { required, optional } => Some((route, required, optional)),
        _ => None,
    })
}

/// A request to a route, by somebody who is logged in where it needs that.
fn ask(app: &TestApp, access: &str, route: &Route) -> RequestBuilder {
    let client = app.client();
    route.request(&if route.needs_login() { client.with_bearer(access) } else { client })
}

pub(super) async fn stage() -> (TestApp, Vec<String>, String) {
    let app = TestApp::builder().policy(|policy| policy.throttle.login_attempts = 10_000).start().await;
    let _ = app.client().registered("ada").await;
    database::promote(&app, "ada");
    let access = app.client().tokens("ada").await.access;
    let before = database::contents(&app);
    (app, before, access)
}

#[tokio::test]
async fn every_field_of_every_json_route_missing_null_empty_or_of_the_wrong_type() {
    let (app, before, access) = stage().await;
    let verified = app.hasher().verified();
    for (route, required, optional) in json_routes() {
        let send = async |body: &Value| ask(&app, &access, route).json(body).await;
        for field in required {
            let mut body = right_body(route);
            body.remove(*field);
            let case = format!("{} without {field}", route.path);
            let answer = send(&Value::Object(body)).await;
            assert_refused(&answer, &case);
            assert_field(&answer, field, "missing", &case);
            for (wrong, code) in [(json!(null), "missing"), (json!(""), "empty")] {
                let mut body = right_body(route);
                body.insert((*field).to_owned(), wrong.clone());
                let case = format!("{} with {field} = {wrong}", route.path);
                let answer = send(&Value::Object(body)).await;
                assert_refused(&answer, &case);
                assert_field(&answer, field, code, &case);
            }
        }
        for field in required.iter().chain(optional) {
            for wrong in
                [json!(0), json!(-1.5), json!(true), json!([CANARY]), json!({CANARY: CANARY}), json!([])]
            {
                // The one switch among the texts.
                if *field == "restore" && wrong.is_boolean() {
                    continue;
                }
                let mut body = right_body(route);
                body.insert((*field).to_owned(), wrong.clone());
                let case = format!("{} with {field} = {wrong}", route.path);
                let answer = send(&Value::Object(body)).await;
                assert_refused(&answer, &case);
                assert_field(&answer, field, "wrong_type", &case);
            }
        }
        if !required.is_empty() {
            let answer = send(&json!({})).await;
            assert_eq!(answer.json()["errors"].as_array().unwrap().len(), required.len(), "all are named");
        }
    }
    assert_eq!(database::contents(&app), before);
    assert_eq!(app.hasher().verified(), verified);
}

#[tokio::test]
async fn every_field_of_every_json_route_with_odd_text() {
    let (app, before, access) = stage().await;
    for (route, required, optional) in json_routes() {
        for field in required.iter().chain(optional) {
            for (text, status) in [
                (format!("{CANARY}\\u0000"), None),
                (format!("\\u0000{CANARY}"), None),
                (format!("{CANARY}\\ud800"), Some(400)),
                (format!("\\udfff\\ud800{CANARY}"), Some(400)),
                (format!("{CANARY}\\x"), Some(400)),
                (CANARY.repeat(100_000), Some(413)),
            ] {
                // Without a provider nobody looks at the solution of a captcha.
                if *field == "captcha" && status.is_none() {
                    continue;
                }
                let mut body = right_body(route);
                body.remove(*field);
                let rest = Value::Object(body).to_string();
                let comma = if rest == "{}" { "" } else { "," };
                let body = format!("{{\"{field}\":\"{text}\"{comma}{}", &rest[1..]);
                let request = ask(&app, &access, route).header("content-type", "application/json").body(body);
                let answer = request.await;
                let case = format!("{} with {field} = {text:.60}", route.path);
                // Whoever leaves with a token that is none has left.
                let is_logout =
                    route.path.ends_with("/logout") && *field == "refresh_token" && status.is_none();
                if is_logout {
                    assert_eq!(answer.status, 200, "{case}");
                    continue;
                }
                assert_refused(&answer, &case);
                if let Some(status) = status {
                    assert_eq!(answer.status.as_u16(), status, "{case}");
                }
            }
        }
    }
    assert_eq!(database::contents(&app), before);
}

#[tokio::test]
async fn bodies_that_are_no_json_object() {
    let (app, before, access) = stage().await;
    let deep = format!("{{\"a\":{}1{}}}", "[".repeat(10_000), "]".repeat(10_000));
    let deep_objects = format!("{}1{}", "{\"a\":".repeat(9_000), "}".repeat(9_000));
    for (route, required, _) in json_routes() {
        let good = Value::Object(right_body(route)).to_string();
        let field = required.first().unwrap_or(&"scope");
        for body in [
            "null".into(),
            "[]".into(),
            format!("[{good}]"),
            format!("\"{CANARY}\""),
            "1".into(),
            "{".into(),
            CANARY.into(),
            format!("{good}{good}"),
            format!("{good}x"),
            format!("{{\"{field}\":\"{CANARY}\",\"{field}\":\"{CANARY}\"}}"),
            format!("{{\"x\":{{\"a\":1,\"\\u0061\":2}},{}", &good[1..]).replace(",}", "}"),
            deep.clone(),
            deep_objects.clone(),
            format!("\u{feff}{good}"),
            "{'a':1}".into(),
            "{\"a\":NaN}".into(),
            " ".into(),
        ] {
            let request = ask(&app, &access, route).header("content-type", "application/json");
            let answer = request.body(body.clone()).await;
            let case = format!("{} with {body:.60}", route.path);
            assert_refused(&answer, &case);
            assert_eq!(answer.code(), "malformed_body", "{case}");
        }
        for bytes in [&b"{\"a\":\"\xff\"}"[..], b"\xff\xfe{\x00}\x00", b"\x00", b"{\"a\":\"\xed\xa0\x80\"}"] {
            let request = ask(&app, &access, route).header("content-type", "application/json");
            let answer = request.body(bytes.to_vec()).await;
            assert_refused(&answer, route.path);
            assert_eq!(answer.code(), "malformed_body", "{} with {bytes:?}", route.path);
        }
    }
    assert_eq!(database::contents(&app), before);
}

#[tokio::test]
async fn bodies_of_another_media_type() {
    let (app, before, access) = stage().await;
    for route in ROUTES.iter().filter(|route| route.takes_text()) {
        let good = Value::Object(right_body(route)).to_string();
        let mut types = vec![
            "text/plain",
            "text/html",
            "application/xml",
            "",
            ";",
            CANARY,
            "application/jsonx",
            "*/*",
            "\u{ff}",
        ];
        match route.body {
            Body::Form { .. } => types.push("application/json"),
            _ => types.extend(["application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]),
        }
        for content_type in types {
            let request = ask(&app, &access, route).header("content-type", content_type);
            let answer = request.body(good.clone()).await;
            assert_refused(&answer, route.path);
            assert_eq!(answer.code(), "unsupported_media_type", "{} with {content_type:?}", route.path);
        }
        let answer = ask(&app, &access, route).body(good.clone()).await;
        assert_eq!(answer.code(), "unsupported_media_type", "{} without a type", route.path);
        let twice = ask(&app, &access, route).header("content-type", "application/json");
        let twice =
            twice.another_header("content-type", "application/x-www-form-urlencoded").body(good).await;
        assert_eq!(twice.code(), "unsupported_media_type", "{} with two types", route.path);
    }
    assert_eq!(database::contents(&app), before);
}

#[tokio::test]
async fn forms_with_fields_missing_empty_twice_or_unreadable() {
    let (app, before, access) = stage().await;
    for (route, required, optional) in form_routes() {
        let right: Vec<_> = required.iter().map(|field| (*field, right(route, field))).collect();
        for field in required {
            let without: Vec<_> = right.iter().copied().filter(|(name, _)| name != field).collect();
            let case = format!("{} without {field}", route.path);
            let answer = ask(&app, &access, route).form(&without).await;
            assert_refused(&answer, &case);
            assert_field(&answer, field, "missing", &case);
            let empty = [&without[..], &[(*field, "")]].concat();
            assert_field(&ask(&app, &access, route).form(&empty).await, field, "empty", &case);
        }
        for field in required.iter().chain(optional) {
            let others: Vec<_> = right.iter().copied().filter(|(name, _)| name != field).collect();
            let twice = [&others[..], &[(*field, CANARY), (*field, CANARY)]].concat();
            let answer = ask(&app, &access, route).form(&twice).await;
            assert_refused(&answer, &format!("{} with {field} twice", route.path));
            assert_eq!(answer.code(), "malformed_body");
            for raw in ["%ff", "%c3%28", "%ed%a0%80", "\u{0}%fe"] {
                let request =
                    ask(&app, &access, route).header("content-type", "application/x-www-form-urlencoded");
                let answer = request.body(format!("{field}={CANARY}{raw}")).await;
                assert_refused(&answer, &format!("{} with {field} = {raw}", route.path));
                assert_eq!(answer.code(), "malformed_body");
            }
            let long = CANARY.repeat(100_000);
            let answer = ask(&app, &access, route).form(&[&others[..], &[(*field, &long)]].concat()).await;
            assert_refused(&answer, &format!("{} with a long {field}", route.path));
            assert_eq!(answer.code(), "payload_too_large");
        }
        for (field, value) in [("username", "a\u{0}da"), ("password", "\u{0}"), ("grant_type", CANARY)] {
            let others: Vec<_> = right.iter().copied().filter(|(name, _)| *name != field).collect();
            let answer = ask(&app, &access, route).form(&[&others[..], &[(field, value)]].concat()).await;
            assert_refused(&answer, &format!("{} with {field} = {value:?}", route.path));
        }
        for (boundary, body) in [
            ("multipart/form-data", "x".to_owned()),
            ("multipart/form-data; boundary=x", "no part".into()),
            ("multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data\r\n\r\nx\r\n--x--".into()),
            ("multipart/form-data; boundary=x", "--x\r\n".into()),
            (
                "multipart/form-data; boundary=x",
                "--x\r\nContent-Disposition: form-data; name=\"username\"; filename=\"a\"\r\n\r\nada\r\n--x--\r\n".into(),
            ),
        ] {
            let answer = ask(&app, &access, route).header("content-type", boundary).body(body.clone()).await;
            assert_refused(&answer, &format!("{} with {body:?}", route.path));
        }
    }
    assert_eq!(database::contents(&app), before);
}

/// A body that does not come to a good end.
enum Broken {
    /// It goes on and on.
    Endless,
    /// It never comes.
    Silent,
    /// The connection breaks in the middle.
    Cut(bool),
}

impl http_body::Body for Broken {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        match self.get_mut() {
            Self::Endless => Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[b' '; 1024]))))),
            Self::Silent => Poll::Pending,
            Self::Cut(is_cut) if *is_cut => Poll::Ready(Some(Err(std::io::Error::other(CANARY)))),
            Self::Cut(is_cut) => {
                *is_cut = true;
                Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"{\"a\":")))))
            }
        }
    }
}

/// T35, RUSTSEC-2022-0055: no body is read without a bound, neither of length nor of time.
#[tokio::test]
async fn t35_a_body_without_end_is_given_up() {
    let (app, before, access) = stage().await;
    let hasty = app.stop().await.http(|http| http.request_timeout = Duration::from_millis(1));
    let app = hasty.start().await;
    for route in ROUTES.iter().filter(|route| route.takes_text()) {
        let content_type = match route.body {
            Body::Form { .. } => "application/x-www-form-urlencoded",
            _ => "application/json",
        };
        for (body, code) in [
            (Broken::Endless, "payload_too_large"),
            (Broken::Silent, "request_timeout"),
            (Broken::Cut(false), "malformed_body"),
        ] {
            let request = ask(&app, &access, route).header("content-type", content_type);
            let answer = request.body(HttpBody::new(body)).await;
            assert_refused(&answer, route.path);
            assert_eq!(answer.code(), code, "{}", route.path);
        }
    }
    assert_eq!(database::contents(&app), before);
}

/// T35, RUSTSEC-2022-0055: 64 KiB and not a byte more, whether the length is told or not.
#[tokio::test]
async fn t35_bodies_are_limited_to_64_kib() {
    let (app, _, access) = stage().await;
    for route in ROUTES.iter().filter(|route| route.takes_text()) {
        for (length, is_too_long) in [(64 * 1024, false), (64 * 1024 + 1, true)] {
            let request = ask(&app, &access, route).header("content-type", "application/json");
            let answer = request.body("x".repeat(length)).await;
            assert_eq!(answer.code() == "payload_too_large", is_too_long, "{} {length}", route.path);
        }
    }
}

/// No bytes in any body make a fault of ours, and none of them registers anybody.
#[test]
fn no_body_is_a_fault_of_ours() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (app, before, access) = runtime.block_on(stage());
    let routes: Vec<_> = ROUTES.iter().filter(|route| route.takes_text()).collect();
    let types = ["application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"];
    let text = "[\\[\\]{}\",:\\\\ux0-9a-f&=%+ -]{0,80}".prop_map(String::into_bytes);
    let fields = "\\{\"(login|password|email|username|password1|refresh_token|scope)\":(\"[a-z]{0,9}\"|null|[0-9]|\\[\\])\\}"
        .prop_map(String::into_bytes);
    let body = prop_oneof![text, fields, proptest::collection::vec(any::<u8>(), 0..80)];
    let mut runner = TestRunner::new(ProptestConfig {
        cases: 2000,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let outcome = runner.run(&(0..routes.len(), 0..types.len(), body), |(route, content_type, body)| {
        let request = ask(&app, &access, routes[route]).header("content-type", types[content_type]);
        let answer = runtime.block_on(request.body(body).send());
        let is_logout = routes[route].path.ends_with("/logout");
        prop_assert!(
            answer.status.is_client_error() || is_logout && answer.status == 200,
            "{}",
            answer.text()
        );
        Ok(())
    });
    outcome.unwrap();
    assert_eq!(database::contents(&app), before);
}
