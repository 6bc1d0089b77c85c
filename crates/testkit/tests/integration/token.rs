//! Access tokens: what they say, where they are looked for, and what is refused.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use vestibule_testkit::{Answer, TestApp};

use super::forging;

const MILLISECOND: Duration = Duration::from_millis(1);
/// A route that believes the claims, and one that asks the store.
const ROUTES: [(&str, &str); 2] = [("POST", "/api/users/token"), ("GET", "/api/v1/users/me")];

async fn use_token(app: &TestApp, token: &str) -> Answer {
    let mut answers = Vec::new();
    for (method, path) in ROUTES {
        let request = app.client().with_bearer(token).request(method.parse().unwrap(), path);
        answers.push(request.await);
    }
    assert_eq!(answers[0].status, answers[1].status);
    answers.remove(0)
}

async fn assert_refused(app: &TestApp, token: &str) {
    let _ = use_token(app, token).await.expect_problem(401, "invalid_token");
}

#[tokio::test]
async fn the_claims_are_those_of_the_specification() {
    let app = TestApp::start().await;
    let ada = app.client().registered("ada").await;
    let token = ada.cookie("access_token").unwrap();
    let answer = ada.post("/api/users/token").await.expect(200);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let claims = answer.json();
    let id = ada.get("/api/v1/users/me").await.json()["id"].clone();
    assert_eq!(
        claims,
        json!({
            "iss": "http://127.0.0.1:8000", "aud": "http://127.0.0.1:8000", "sub": id, "id": id,
            "exp": 1_767_226_500, "iat": 1_767_225_600, "auth_time": 1_767_225_600,
            "jti": claims["jti"], "sid": claims["sid"], "scope": "", "client_id": "vestibule",
            "username": "ada", "permissions": [], "type": "access",
        })
    );
    let (header, signed) = forging::take_apart(&token);
    assert_eq!(signed, claims);
    let kid = app.client().get("/.well-known/jwks.json").await.json()["keys"][0]["kid"].clone();
    assert_eq!(header, json!({"alg": "EdDSA", "kid": kid, "typ": "at+jwt"}));
}

#[tokio::test]
async fn every_token_has_an_id_of_its_own() {
    let app = TestApp::start().await;
    let _ = app.client().registered("ada").await;
    let jti = |token: &str| forging::take_apart(token).1["jti"].clone();
    assert_ne!(jti(&app.client().tokens("ada").await.access), jti(&app.client().tokens("ada").await.access));
}

#[tokio::test]
async fn a_token_expires_to_the_millisecond_whether_remembered_or_not() {
    let app = TestApp::start().await;
    let _ = app.client().registered("ada").await;
    let remembered = app.client().tokens("ada").await.access;
    let unseen = app.client().tokens("ada").await.access;
    let _ = use_token(&app, &remembered).await.expect(200);
    app.clock().advance(Duration::from_mins(15));
    app.clock().turn_back(MILLISECOND);
    let _ = use_token(&app, &remembered).await.expect(200);
    app.clock().advance(MILLISECOND);
    assert_refused(&app, &remembered).await;
    assert_refused(&app, &unseen).await;
}

#[tokio::test]
async fn leeway_is_what_is_configured() {
    let app =
        TestApp::builder().policy(|policy| policy.tokens.leeway = Duration::from_secs(30)).start().await;
    let _ = app.client().registered("ada").await;
    let token = app.client().tokens("ada").await.access;
    app.clock().advance(Duration::from_secs(15 * 60 + 30));
    app.clock().turn_back(MILLISECOND);
    let _ = use_token(&app, &token).await.expect(200);
    app.clock().advance(MILLISECOND);
    assert_refused(&app, &token).await;
}

#[tokio::test]
async fn a_token_from_the_future_is_refused_beyond_a_second() {
    let app = TestApp::start().await;
    let _ = app.client().registered("ada").await;
    let token = app.client().tokens("ada").await.access;
    app.clock().turn_back(Duration::from_millis(1001));
    assert_refused(&app, &token).await;
    app.clock().advance(MILLISECOND);
    let _ = use_token(&app, &token).await.expect(200);
}

#[tokio::test]
async fn every_mutation_of_a_token_is_refused() {
    let app = TestApp::start().await;
    let _ = app.client().registered("ada").await;
    let token = app.client().tokens("ada").await.access;
    // The last character of a part may hold bits that mean nothing; they too must be as written.
    for position in 0..token.len() {
        for replacement in ["A", "B", "-", ".", "", "=", "é"] {
            let mut mutated = token.clone();
            mutated.replace_range(position..=position, replacement);
            if mutated == token {
                continue;
            }
            let by_header =
                app.client().post("/api/users/token").header("authorization", format!("Bearer {mutated}"));
            let _ = by_header.await.expect_problem(401, "invalid_token");
            let browser =
                app.client().post("/api/users/token").header("cookie", format!("access_token={mutated}"));
            let _ = browser.await.expect_problem(401, "invalid_token");
        }
    }
    let _ = use_token(&app, &token).await.expect(200);
}

/// T38, jsonwebtoken CVE-2026-25537: a claim of the wrong type is not an absent one, and absent ones are refused.
#[tokio::test]
async fn t38_claims_that_are_missing_or_of_the_wrong_type_are_refused() {
    let app = forging::app().start().await;
    let _ = app.client().registered("ada").await;
    let token = app.client().tokens("ada").await.access;
    let (header, claims) = forging::take_apart(&token);
    let header = header.to_string();
    let forge = |claims: &Value| forging::sign(&header, &claims.to_string());
    let _ = use_token(&app, &forge(&claims)).await.expect(200);
    for name in ["exp", "iat", "sub", "iss", "aud", "jti", "sid", "scope", "type", "permissions", "auth_time"]
    {
        let mut missing = claims.clone();
        missing.as_object_mut().unwrap().remove(name);
        assert_refused(&app, &forge(&missing)).await;
        for wrong in
            [json!(null), json!([]), json!({}), json!(true), json!(""), json!(1.5), json!("1767226500")]
        {
            let mut changed = claims.clone();
            changed[name] = wrong;
            // An empty list of permissions, and any text as scope or id, are right ones.
            let is_right = matches!(
                (name, &changed[name]),
                ("permissions", Value::Array(_)) | ("scope" | "jti", Value::String(_))
            );
            if !is_right {
                assert_refused(&app, &forge(&changed)).await;
            }
        }
    }
    for (name, wrong) in [
        ("iss", json!("https://evil.example")),
        ("aud", json!("https://evil.example")),
        ("aud", json!(["https://evil.example"])),
        ("exp", json!(1_767_225_600)),
        ("exp", json!(1e300)),
        ("exp", json!(u64::MAX)),
        ("iat", json!(1_767_225_700)),
        ("nbf", json!(1_767_225_700)),
        ("nbf", json!("x")),
        ("type", json!("refresh")),
        ("username", json!(["ada"])),
        ("permissions", json!("admin")),
        ("permissions", json!([1])),
    ] {
        let mut changed = claims.clone();
        changed[name] = wrong;
        assert_refused(&app, &forge(&changed)).await;
    }
    let twice = claims.to_string().replacen('{', "{\"sub\":\"x\",", 1);
    assert_refused(&app, &forging::sign(&header, &twice)).await;
    for payload in ["", "null", "[]", "\"x\"", "{", "\u{feff}{}"] {
        assert_refused(&app, &forging::sign(&header, payload)).await;
    }
}

/// T39, CVE-2015-9235 and CVE-2024-33663: the key fixes the algorithm.
#[tokio::test]
async fn t39_no_other_algorithm_than_the_keys_is_accepted() {
    let app = forging::app().start().await;
    let _ = app.client().registered("ada").await;
    let token = app.client().tokens("ada").await.access;
    let (header, claims) = forging::take_apart(&token);
    let payload = URL_SAFE_NO_PAD.encode(claims.to_string());
    for alg in
        ["none", "None", "NONE", "nOnE", "", "eddsa", "EDDSA", "Ed25519", "HS256", "RS256", "ES256", "PS256"]
    {
        let mut header = header.clone();
        header["alg"] = json!(alg);
        assert_refused(&app, &forging::sign(&header.to_string(), &claims.to_string())).await;
        let unsigned = format!("{}.{payload}", URL_SAFE_NO_PAD.encode(header.to_string()));
        for token in [format!("{unsigned}."), unsigned.clone(), format!("{unsigned}.AA")] {
            assert_refused(&app, &token).await;
        }
    }
    // The public key as the secret of an HMAC.
    let jwk = app.client().get("/.well-known/jwks.json").await.json()["keys"][0].clone();
    let public = URL_SAFE_NO_PAD.decode(jwk["x"].as_str().unwrap()).unwrap();
    for secret in [public, jwk["x"].as_str().unwrap().as_bytes().to_vec(), jwk.to_string().into_bytes()] {
        let mut header = header.clone();
        header["alg"] = json!("HS256");
        let signed = format!("{}.{payload}", URL_SAFE_NO_PAD.encode(header.to_string()));
        let key = jsonwebtoken::EncodingKey::from_secret(&secret);
        let algorithm = jsonwebtoken::Algorithm::HS256;
        let signature = jsonwebtoken::crypto::sign(signed.as_bytes(), &key, algorithm).unwrap();
        assert_refused(&app, &format!("{signed}.{signature}")).await;
    }
}

/// T40, CVE-2018-0114: keys in the token are ignored by refusing it, and the kid is only a name.
#[tokio::test]
async fn t40_nothing_in_the_header_chooses_the_key() {
    let app = forging::app().start().await;
    let _ = app.client().registered("ada").await;
    let token = app.client().tokens("ada").await.access;
    let (header, claims) = forging::take_apart(&token);
    let forge = |name: &str, value: Value| {
        let mut header = header.clone();
        header[name] = value;
        forging::sign(&header.to_string(), &claims.to_string())
    };
    let jwk = app.client().get("/.well-known/jwks.json").await.json()["keys"][0].clone();
    for (name, value) in [
        ("jwk", jwk),
        ("jku", json!("https://evil.example/jwks.json")),
        ("x5u", json!("https://evil.example/cert.pem")),
        ("x5c", json!(["AAAA"])),
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("b64", json!(false)),
        ("zip", json!("DEF")),
        ("kid", json!("../../etc/passwd")),
        ("kid", json!("' OR 1=1 --")),
        ("kid", json!("x".repeat(4000))),
        ("kid", json!("\u{0}")),
        ("kid", json!(null)),
        ("kid", json!(0)),
        ("kid", json!([])),
        ("typ", json!("JWT")),
        ("typ", json!("jwt")),
        ("typ", json!("")),
        ("typ", json!(null)),
        ("typ", json!("refresh+jwt")),
    ] {
        assert_refused(&app, &forge(name, value)).await;
    }
    for name in ["alg", "kid", "typ"] {
        let mut missing = header.clone();
        missing.as_object_mut().unwrap().remove(name);
        assert_refused(&app, &forging::sign(&missing.to_string(), &claims.to_string())).await;
    }
    let twice = header.to_string().replacen('{', "{\"alg\":\"EdDSA\",", 1);
    assert_refused(&app, &forging::sign(&twice, &claims.to_string())).await;
    // RFC 7515 §4.1.9: the same media type in full is the same.
    let _ = use_token(&app, &forge("typ", json!("application/AT+JWT"))).await.expect(200);
}

/// T46, django-allauth 2023: what is not a whole login opens nothing.
#[tokio::test]
async fn t46_only_an_access_token_of_a_whole_login_opens_a_door() {
    let app = forging::app().start().await;
    let _ = app.client().registered("ada").await;
    let tokens = app.client().tokens("ada").await;
    let (header, claims) = forging::take_apart(&tokens.access);
    let forge = |changes: &[(&str, Value)]| {
        let mut claims = claims.clone();
        for (name, value) in changes {
            claims[*name] = value.clone();
        }
        forging::sign(&header.to_string(), &claims.to_string())
    };
    for kind in ["refresh", "confirm", "reset", "mfa", "half", "Access", "id"] {
        assert_refused(&app, &forge(&[("type", json!(kind))])).await;
    }
    assert_refused(&app, &tokens.refresh).await;
    // A token that is signed but whose session or account is not there: the store has the last word.
    let nobody = json!("019b76da-a800-7000-8000-000000000000");
    let stranger = forge(&[("sub", nobody.clone()), ("id", nobody)]);
    let me = app.client().with_bearer(&stranger).get("/api/v1/users/me").await;
    let _ = me.expect_problem(401, "invalid_token");
}

#[tokio::test]
async fn the_header_decides_before_the_cookie_and_a_bad_one_is_never_skipped() {
    let app = TestApp::start().await;
    let browser = app.client().registered("ada").await;
    let _ = app.client().registered("bob").await;
    let bob = app.client().tokens("bob").await.access;
    let name = |answer: Answer| answer.expect(200).member("username");
    for scheme in ["Bearer", "bearer", "BEARER"] {
        let request = browser.get("/api/v1/users/me").header("authorization", format!("{scheme} {bob}"));
        assert_eq!(name(request.await), "bob");
    }
    for other in ["Basic Og==", "Digest username=x", "Negotiate abc"] {
        let request = browser.get("/api/v1/users/me").header("authorization", other);
        assert_eq!(name(request.await), "ada", "another scheme counts as absent");
    }
    for bad in
        ["Bearer", "Bearer ", "Bearer x", "Bearer a b", "Bearer,x", "\u{ff}", "", &format!("Bearer {bob}x")]
    {
        let request = browser.get("/api/v1/users/me").header("authorization", bad);
        let _ = request.await.expect_problem(401, "invalid_token");
    }
    let request = browser.get("/api/v1/users/me").header("authorization", format!("Bearer {bob}"));
    let _ = request.another_header("authorization", "Bearer x").await.expect_problem(401, "invalid_token");
    // A bad cookie is refused too, with or without a good one beside it.
    let good = browser.cookie("access_token").unwrap();
    for cookies in [
        format!("access_token={good}; access_token={good}"),
        format!("access_token={good}x"),
        "access_token".into(),
    ] {
        let request = app.client().get("/api/v1/users/me").header("cookie", cookies);
        let _ = request.await.expect_problem(401, "invalid_token");
    }
    // Query and body are no place for a token here.
    let request = app.client().post(&format!("/api/users/token?access_token={good}"));
    let _ = request.json(&json!({"access_token": good})).await.expect_problem(401, "not_authenticated");
}

/// T59, Duende CVE-2024-51987: two callers at once are never mixed up, remembered tokens or not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t59_every_caller_is_answered_about_themselves() {
    let app = TestApp::start().await;
    let mut tasks = Vec::new();
    for number in 0..8 {
        let name = format!("user-{number}");
        let client = app.client().registered(&name).await;
        tasks.push(tokio::spawn(async move {
            for _ in 0..20 {
                assert_eq!(client.post("/api/users/token").await.expect(200).member("username"), name);
                assert_eq!(client.get("/api/v1/users/me").await.expect(200).member("username"), name);
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
}
