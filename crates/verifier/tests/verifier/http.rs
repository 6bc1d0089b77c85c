//! The layer and the extractor, by their answers.

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    Extension, Router,
    body::{Body, to_bytes},
    routing::get,
};
use http::{HeaderValue, Request, Response, StatusCode, header};
use proptest::prelude::*;
use serde_json::Value;
use tower::{Layer as _, ServiceExt as _, service_fn};
use vestibule_verifier::{AccessClaims, Authenticated, Refusal, Verifier};

use crate::issuer::{Answer, Issuer, Key};

type Claims = Option<Extension<Arc<AccessClaims>>>;

async fn named(claims: Claims) -> String {
    claims.map_or_else(|| "nobody".into(), |Extension(claims)| claims.account_id.to_string())
}

async fn required(user: Authenticated) -> String {
    user.account_id.to_string()
}

async fn optional(user: Option<Authenticated>) -> String {
    user.map_or_else(|| "nobody".into(), |user| user.account_id.to_string())
}

async fn scoped(user: Authenticated) -> Result<&'static str, Refusal> {
    user.require_scopes(["orders:read", "profile"])?;
    Ok("scoped")
}

async fn too_scoped(user: Authenticated) -> Result<&'static str, Refusal> {
    user.require_scopes(["orders:read", "orders:write"])?;
    Ok("never")
}

async fn staff(user: Authenticated) -> Result<&'static str, Refusal> {
    user.require_permission("staff")?;
    Ok("staff")
}

async fn admin(user: Authenticated) -> Result<&'static str, Refusal> {
    user.require_permission("admin")?;
    Ok("never")
}

fn app(verifier: &Verifier) -> Router {
    let layered = |path, layer| Router::new().route(path, get(named)).layer(layer);
    let layer = || verifier.layer();
    Router::new()
        .route("/required", get(required))
        .route("/optional", get(optional))
        .route("/scoped", get(scoped))
        .route("/too_scoped", get(too_scoped))
        .route("/staff", get(staff))
        .route("/admin", get(admin))
        .with_state(verifier.clone())
        .merge(layered("/layer/required", layer()))
        .merge(layered("/layer/optional", layer().optional()))
        .merge(layered("/layer/scoped", layer().scopes(["orders:read", "profile"])))
        .merge(layered("/layer/too_scoped", layer().optional().scopes(["orders:read", "orders:write"])))
        .merge(layered("/layer/staff", layer().permissions(["staff"])))
        .merge(layered("/layer/admin", layer().permissions(["staff", "admin"])))
}

async fn ask(app: &Router, path: &str, authorization: &[&[u8]]) -> Response<Body> {
    let mut request = Request::get(path).body(Body::empty()).unwrap();
    for value in authorization {
        request.headers_mut().append(header::AUTHORIZATION, HeaderValue::from_bytes(value).unwrap());
    }
    app.clone().oneshot(request).await.unwrap()
}

async fn text(answer: Response<Body>) -> String {
    String::from_utf8(to_bytes(answer.into_body(), 10_000).await.unwrap().to_vec()).unwrap()
}

/// Status, challenge and code.
async fn refused(answer: Response<Body>) -> (u16, Option<String>, String) {
    let status = answer.status().as_u16();
    assert_eq!(answer.headers()[header::CONTENT_TYPE], "application/problem+json");
    assert_eq!(answer.headers()[header::CACHE_CONTROL], "no-store");
    let challenge = answer.headers().get(header::WWW_AUTHENTICATE);
    let challenge = challenge.map(|value| value.to_str().unwrap().to_owned());
    let problem: Value = serde_json::from_str(&text(answer).await).unwrap();
    assert_eq!(problem["status"], status);
    (status, challenge, problem["code"].as_str().unwrap().to_owned())
}

/// What every place answers with no token, a bad one and a good one.
#[tokio::test]
async fn who_is_let_in_where() {
    let key = Key::new("one");
    let issuer = Issuer::of(&[&key]);
    let app = app(&issuer.verifier().await);
    let claims = issuer.claims();
    let subject = claims["sub"].as_str().unwrap();
    let good = format!("Bearer {}", key.token(&claims));
    let absent = (401, Some("Bearer".to_owned()), "not_authenticated".to_owned());
    let bad = (401, Some("Bearer error=\"invalid_token\"".to_owned()), "invalid_token".to_owned());

    for path in ["/required", "/layer/required"] {
        assert_eq!(refused(ask(&app, path, &[]).await).await, absent, "{path}");
        assert_eq!(refused(ask(&app, path, &[b"Basic Og=="]).await).await, absent, "{path}");
        assert_eq!(text(ask(&app, path, &[good.as_bytes()]).await).await, subject, "{path}");
    }
    for path in ["/optional", "/layer/optional", "/layer/too_scoped"] {
        assert_eq!(text(ask(&app, path, &[]).await).await, "nobody", "{path}");
    }
    for path in ["/optional", "/layer/optional"] {
        assert_eq!(text(ask(&app, path, &[good.as_bytes()]).await).await, subject, "{path}");
    }
    for path in ["/required", "/optional", "/layer/required", "/layer/optional", "/layer/too_scoped"] {
        assert_eq!(refused(ask(&app, path, &[b"Bearer a.b.c"]).await).await, bad, "{path}");
    }
    for path in ["/scoped", "/layer/scoped", "/staff", "/layer/staff"] {
        assert_eq!(ask(&app, path, &[good.as_bytes()]).await.status(), 200, "{path}");
    }
    let challenge = "Bearer error=\"insufficient_scope\", scope=\"orders:read orders:write\"";
    for path in ["/too_scoped", "/layer/too_scoped"] {
        let answer = refused(ask(&app, path, &[good.as_bytes()]).await).await;
        assert_eq!(answer, (403, Some(challenge.to_owned()), "insufficient_scope".to_owned()), "{path}");
    }
    for path in ["/admin", "/layer/admin"] {
        let answer = refused(ask(&app, path, &[good.as_bytes()]).await).await;
        assert_eq!(answer, (403, None, "forbidden".to_owned()), "{path}");
    }
}

/// T07 (Authelia CVE-2021-32637), T14 (authentik CVE-2026-25748): what cannot be read denies, also where no token is
/// needed; it is never the same as none.
#[tokio::test]
async fn t07_t14_a_credential_that_cannot_be_read_denies() {
    let key = Key::new("one");
    let issuer = Issuer::of(&[&key]);
    let app = app(&issuer.verifier().await);
    let good = format!("Bearer {}", key.token(&issuer.claims()));
    let (good, with_comma) = (good.as_bytes(), format!("{good},x"));
    let cases: [&[&[u8]]; 9] = [
        &[b"Bearer"],
        &[b"Bearer "],
        &[b""],
        &[b"Bearer \xff"],
        &[b"B\xc3\xa4rer x"],
        &[good, good],
        &[b"Basic Og==", good],
        &[good, b""],
        &[with_comma.as_bytes()],
    ];
    for case in cases {
        for path in ["/optional", "/layer/optional", "/required", "/layer/required"] {
            let (status, _, code) = refused(ask(&app, path, case).await).await;
            assert_eq!((status, code.as_str()), (401, "invalid_token"), "{path} {case:?}");
        }
    }
}

/// T28 (Auth.js GHSA-xmf8-cvqr-rfgj): no header breaks anything.
#[test]
fn t28_fuzzed_headers_are_401_and_never_500() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let key = Key::new("one");
    let issuer = Issuer::of(&[&key]);
    let (app, good) = runtime.block_on(async {
        let verifier = issuer.builder().unknown_kid_pause(Duration::ZERO).build().unwrap();
        (app(&verifier), key.token(&issuer.claims()))
    });
    let mutated = (0..good.len(), any::<u8>()).prop_map(move |(position, byte)| {
        let mut bytes = [b"Bearer ", good.as_bytes()].concat();
        // The last character of a signature has bits that mean nothing.
        let position = 7 + position.min(good.len() - 2);
        bytes[position] = if bytes[position] == byte { byte ^ 1 } else { byte };
        bytes
    });
    let random = proptest::collection::vec(any::<u8>(), 0..300);
    let bearer = random.clone().prop_map(|bytes| [b"Bearer ".to_vec(), bytes].concat());
    let anything = prop_oneof![mutated, random, bearer];
    proptest!(ProptestConfig::with_cases(400), |(value in anything)| {
        let Ok(value) = HeaderValue::from_bytes(&value) else { return Ok(()) };
        for path in ["/required", "/layer/required"] {
            let answer = runtime.block_on(ask(&app, path, &[value.as_bytes()]));
            prop_assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{:?}", value);
        }
    });
}

#[tokio::test]
async fn keys_that_cannot_be_had_are_an_outage_and_not_the_callers_fault() {
    let key = Key::new("one");
    let issuer = Issuer::of(&[]);
    issuer.set(Answer::Away);
    let app = app(&issuer.builder().build().unwrap());
    let token = format!("Bearer {}", key.token(&issuer.claims()));
    for path in ["/required", "/optional", "/layer/required", "/layer/optional"] {
        let answer = ask(&app, path, &[token.as_bytes()]).await;
        assert_eq!(answer.headers()[header::RETRY_AFTER], "2", "{path}");
        let (status, challenge, code) = refused(answer).await;
        assert_eq!((status, challenge, code.as_str()), (503, None, "unavailable"), "{path}");
    }
    // Whoever shows no token is told so whatever the issuer does.
    assert_eq!(ask(&app, "/required", &[]).await.status(), 401);
    assert_eq!(ask(&app, "/optional", &[]).await.status(), 200);
}

#[tokio::test]
async fn claims_are_the_layers_word_alone() {
    let key = Key::new("one");
    let issuer = Issuer::of(&[&key]);
    let verifier = issuer.verifier().await;
    let claims = verifier.verify(&key.token(&issuer.claims())).await.unwrap();
    let inner = service_fn(|request: Request<()>| async move {
        let is_known = request.extensions().get::<Arc<AccessClaims>>().is_some();
        Ok::<_, Infallible>(Response::new(vec![u8::from(is_known)]))
    });
    let mut request = Request::new(());
    request.extensions_mut().insert(claims);
    let answer = verifier.layer().optional().layer(inner).oneshot(request).await.unwrap();
    assert_eq!(answer.into_body(), [0]);
}
