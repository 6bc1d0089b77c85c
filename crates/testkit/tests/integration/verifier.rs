//! The engine and the verifier of other services, side by side: they take the same tokens, refuse the same ones, and
//! say the same to whoever they refuse.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, to_bytes},
    routing::{get, post},
};
use http::{HeaderMap, HeaderValue, Request, Uri, header};
use serde_json::{Value, json};
use tower::ServiceExt as _;
use vestibule::core::Auth;
use vestibule_testkit::TestApp;
use vestibule_verifier::{Authenticated, FetchJwks, Fetching, Refusal, Verifier};

use super::forging;

const URL: &str = "http://127.0.0.1:8000";

/// Asks the engine for its keys, without a network.
struct Published(Arc<Auth>);

impl std::fmt::Debug for Published {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Published")
    }
}

impl FetchJwks for Published {
    fn fetch<'a>(&'a self, url: &'a Uri, _max_bytes: usize) -> Fetching<'a> {
        assert_eq!(url, "http://127.0.0.1:8000/.well-known/jwks.json");
        Box::pin(async { Ok(self.0.jwks().to_string().into_bytes()) })
    }
}

fn verifier(app: &TestApp) -> Verifier {
    Verifier::builder(URL)
        .allow_plain_http_on_loopback()
        .fetcher(Published(Arc::clone(app.auth())))
        .clock(app.clock().clone())
        .build()
        .unwrap()
}

async fn hello(user: Authenticated) -> String {
    user.json.to_string()
}

async fn admins(user: Authenticated) -> Result<String, Refusal> {
    user.require_permission("admin")?;
    Ok(String::new())
}

/// What somebody is told: status, the headers that matter, and the body but for the error's id.
#[derive(Debug, PartialEq)]
struct Told {
    status: u16,
    headers: Vec<Option<HeaderValue>>,
    body: Value,
}

impl Told {
    fn new(status: u16, headers: &HeaderMap, mut body: Value) -> Self {
        let matters =
            [header::WWW_AUTHENTICATE, header::CONTENT_TYPE, header::CACHE_CONTROL, header::RETRY_AFTER];
        // Of whoever is let in, only the claims are compared: the answers are the services' own.
        let headers =
            matters.iter().filter(|_| status != 200).map(|name| headers.get(name).cloned()).collect();
        if status != 200 {
            assert!(body.as_object_mut().unwrap().remove("id").is_some());
        }
        Self { status, headers, body }
    }
}

/// The same request to the engine's own route and to the other service.
async fn ask_both(app: &TestApp, service: &Router, authorization: &[&str]) -> [Told; 2] {
    let mut told = Vec::new();
    for (path, is_engine) in [("/api/users/token", true), ("/hello", false)] {
        let mut request = Request::post(path).body(Body::empty()).unwrap();
        for value in authorization {
            let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
            request.headers_mut().append(header::AUTHORIZATION, value);
        }
        told.push(if is_engine {
            let answer = app.client().send(request).await;
            Told::new(answer.status.as_u16(), &answer.headers, answer.json())
        } else {
            let answer = service.clone().oneshot(request).await.unwrap();
            let (parts, body) = answer.into_parts();
            let body = to_bytes(body, 100_000).await.unwrap();
            Told::new(parts.status.as_u16(), &parts.headers, serde_json::from_slice(&body).unwrap())
        });
    }
    told.try_into().unwrap_or_else(|_| unreachable!("two were asked"))
}

/// Headers and claims that nobody should take, made by somebody who can sign anything.
fn forged(header: &Value, claims: &Value) -> Vec<(String, String)> {
    let mut corpus = Vec::new();
    let with = |object: &Value, name: &str, value: &Value| {
        let mut object = object.clone();
        object[name] = value.clone();
        object.to_string()
    };
    for (name, value) in [
        ("alg", json!("none")),
        ("alg", json!("None")),
        ("alg", json!("nOnE")),
        ("alg", json!("HS256")),
        ("alg", json!("ES256")),
        ("alg", json!("RS256")),
        ("alg", json!("eddsa")),
        ("alg", json!(["EdDSA"])),
        ("alg", Value::Null),
        ("typ", json!("JWT")),
        ("typ", json!("at+jwt2")),
        ("typ", json!(1)),
        ("typ", Value::Null),
        ("kid", json!("")),
        ("kid", json!("other")),
        ("kid", json!("../../etc/passwd")),
        ("kid", json!("' OR 1=1 --")),
        ("kid", json!("x".repeat(1000))),
        ("kid", json!(["x"])),
        ("kid", Value::Null),
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("jwk", json!({"kty": "OKP"})),
        ("jku", json!("https://evil.example")),
        ("x5u", json!("https://evil.example")),
        ("x5c", json!([])),
        ("b64", json!(false)),
        ("zip", json!("DEF")),
    ] {
        let token = forging::sign(&with(header, name, &value), &claims.to_string());
        corpus.push((format!("header {name} = {value}"), token));
    }
    for name in [
        "exp",
        "iat",
        "sub",
        "iss",
        "aud",
        "jti",
        "sid",
        "scope",
        "type",
        "permissions",
        "auth_time",
        "username",
    ] {
        for wrong in [json!({}), json!(true), json!(1.5), json!([1]), json!("1767226500"), json!(-1)] {
            // A name may be any string, and so may an id of the token's own and a scope.
            let may_be_text = ["username", "jti", "scope"].contains(&name) && wrong.is_string();
            if !may_be_text {
                let token = forging::sign(&header.to_string(), &with(claims, name, &wrong));
                corpus.push((format!("claim {name} = {wrong}"), token));
            }
        }
    }
    for (name, value) in [
        ("iss", json!("http://127.0.0.1:8000/")),
        ("iss", json!("https://evil.example")),
        ("aud", json!(["somebody else"])),
        ("exp", json!(1_767_225_600)),
        ("iat", json!(1_767_225_602)),
        ("nbf", json!(1_767_225_602)),
        ("type", json!("refresh")),
        ("sub", json!("ada")),
    ] {
        let token = forging::sign(&header.to_string(), &with(claims, name, &value));
        corpus.push((format!("claim {name} = {value}"), token));
    }
    let twice = claims.to_string().replacen('{', r#"{"sub":"x","#, 1);
    corpus.push(("a claim twice".into(), forging::sign(&header.to_string(), &twice)));
    let twice = header.to_string().replacen('{', r#"{"alg":"EdDSA","#, 1);
    corpus.push(("a parameter twice".into(), forging::sign(&twice, &claims.to_string())));
    for payload in ["", "null", "[]", "{", "{}"] {
        corpus.push((format!("payload {payload:?}"), forging::sign(&header.to_string(), payload)));
    }
    corpus
}

/// T38 (jsonwebtoken CVE-2026-25537), T39 (CVE-2015-9235, CVE-2024-33663), T40 (CVE-2018-0114), T07 and T14: one corpus,
/// two verifiers, one verdict.
#[tokio::test]
async fn t07_t14_t38_t39_t40_the_engine_and_the_verifier_take_and_refuse_the_same() {
    let app = forging::app().start().await;
    let service = Router::new().route("/hello", post(hello)).with_state(verifier(&app));
    let _ = app.client().registered("ada").await;
    let token = app.client().tokens("ada").await.access;
    let (header, claims) = forging::take_apart(&token);

    let mut accepted = vec![token.clone()];
    let spelt = |typ: &str| json!({"alg": "EdDSA", "kid": header["kid"], "typ": typ}).to_string();
    accepted
        .extend(["AT+JWT", "application/at+jwt"].map(|typ| forging::sign(&spelt(typ), &claims.to_string())));
    let mut changed = claims.clone();
    changed["aud"] = json!(["somebody else", URL]);
    changed["username"] = Value::Null;
    accepted.push(forging::sign(&header.to_string(), &changed.to_string()));
    for token in &accepted {
        // The second time from memory.
        for _ in 0..2 {
            let [engine, verifier] = ask_both(&app, &service, &[&format!("Bearer {token}")]).await;
            assert_eq!((engine.status, &engine), (200, &verifier), "{token}");
        }
    }

    let corpus = forged(&header, &claims);
    assert!(corpus.len() > 100, "{}", corpus.len());
    for (what, token) in &corpus {
        let [engine, verifier] = ask_both(&app, &service, &[&format!("Bearer {token}")]).await;
        assert_eq!((engine.status, &engine), (401, &verifier), "{what}");
        assert_eq!(engine.body["code"], "invalid_token", "{what}");
    }
    let good = format!("Bearer {token}");
    let unsigned = good.rsplit_once('.').unwrap().0;
    let malformed: [&[&str]; 9] = [
        &[],
        &["Basic Og=="],
        &["Bearer"],
        &["Bearer "],
        &["Bearer a b"],
        &["Bëarer x"],
        &[&good, &good],
        &["Basic Og==", &good],
        &[unsigned],
    ];
    for case in malformed {
        let [engine, verifier] = ask_both(&app, &service, case).await;
        assert_eq!((engine.status, &engine), (401, &verifier), "{case:?}");
    }
}

/// What the documentation says of services that only verify.
#[tokio::test]
async fn a_revoked_session_is_seen_when_its_token_expires_and_a_withdrawn_key_at_the_next_refresh() {
    let app = TestApp::start().await;
    let verifier = verifier(&app);
    let _ = app.client().registered("ada").await;
    let token = app.client().tokens("ada").await.access;
    let _ = verifier.verify(&token).await.unwrap();
    let _ = app.client().with_bearer(&token).post("/api/users/logout").await.expect(200);
    let _ = app.client().with_bearer(&token).get("/api/v1/users/me").await.expect(401);
    let _ = verifier.verify(&token).await.unwrap();
    app.clock().advance(Duration::from_mins(15));
    assert!(verifier.verify(&token).await.is_err());

    let token = app.client().tokens("ada").await.access;
    let _ = app.auth().rotate_keys(true).await.unwrap();
    verifier.refresh().await.unwrap();
    assert!(verifier.verify(&token).await.is_err());
    let _ = verifier.verify(&app.client().tokens("ada").await.access).await.unwrap();
}

#[tokio::test]
async fn a_permission_that_is_missing_is_answered_as_by_the_engine() {
    let app = TestApp::start().await;
    let service = Router::new().route("/admins", get(admins)).with_state(verifier(&app));
    let _ = app.client().registered("ada").await;
    let token = app.client().tokens("ada").await.access;
    let by_engine = app.client().with_bearer(&token).get("/api/users/blacklist").await;
    let request = Request::get("/admins").header("authorization", format!("Bearer {token}"));
    let answer = service.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let (parts, body) = answer.into_parts();
    let body = serde_json::from_slice(&to_bytes(body, 10_000).await.unwrap()).unwrap();
    let by_service = Told::new(parts.status.as_u16(), &parts.headers, body);
    assert_eq!(by_service.status, 403);
    assert_eq!(Told::new(by_engine.status.as_u16(), &by_engine.headers, by_engine.json()), by_service);
}
