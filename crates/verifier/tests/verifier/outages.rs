//! An issuer that is away, slow or talks nonsense.

use std::{
    fmt::Debug,
    sync::{Arc, Mutex},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::json;
use tracing_subscriber::layer::SubscriberExt as _;
use vestibule_verifier::{Health, Verifier, VerifyError};

use crate::issuer::{Answer, Issuer, Key};

const MINUTE: Duration = Duration::from_mins(1);

fn is_outage<T>(verified: &Result<T, VerifyError>) -> bool {
    matches!(verified, Err(VerifyError::Unavailable { .. }))
}

/// Collects what is logged above debug.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Log {
    fn on_event(&self, event: &tracing::Event<'_>, _: tracing_subscriber::layer::Context<'_, S>) {
        struct Message(String);
        impl tracing::field::Visit for Message {
            fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn Debug) {
                if field.name() == "message" {
                    self.0 = format!("{value:?}");
                }
            }
        }
        let mut message = Message(String::new());
        event.record(&mut message);
        if *event.metadata().level() < tracing::Level::DEBUG
            && event.metadata().target().starts_with("vestibule_verifier")
        {
            self.0.lock().unwrap().push(format!("{} {}", event.metadata().level(), message.0));
        }
    }
}

#[tokio::test]
async fn the_last_keys_verify_for_a_bounded_time_and_it_is_said_once() {
    let log = Log::default();
    let _guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(log.clone()));
    let key = Key::new("one");
    let issuer = Issuer::of(&[&key]);
    let verifier = issuer.builder().stale_for(MINUTE * 10).build().unwrap();
    verifier.refresh().await.unwrap();
    let began = issuer.clock.clone();
    let until = vestibule_verifier::Clock::now(&began).plus(MINUTE * 10);
    let token = key.token(&issuer.claims());
    issuer.set(Answer::Away);
    for _ in 0..4 {
        issuer.clock.advance(MINUTE * 2);
        let _ = verifier.refresh().await.unwrap_err();
        let _ = verifier.verify(&token).await.unwrap();
        assert_eq!(verifier.health(), Health::Stale { until });
        assert!(verifier.is_ready());
    }
    assert_eq!(log.0.lock().unwrap().len(), 1, "{log:?}", log = log.0);

    issuer.clock.advance(MINUTE * 2);
    for _ in 0..3 {
        assert!(is_outage(&verifier.verify(&token).await));
        let error = verifier.refresh().await.unwrap_err().to_string();
        assert!(error.contains("connection refused") && error.contains("/jwks.json"), "{error}");
    }
    assert_eq!((verifier.health(), verifier.is_ready()), (Health::Unavailable, false));

    issuer.publish(&[&key]);
    verifier.refresh().await.unwrap();
    let _ = verifier.verify(&key.token(&issuer.claims())).await.unwrap();
    assert_eq!(verifier.health(), Health::Ready);
    let levels: Vec<String> =
        log.0.lock().unwrap().iter().map(|line| line.split(' ').next().unwrap().to_owned()).collect();
    assert_eq!(levels, ["WARN", "ERROR", "INFO"], "{log:?}", log = log.0);
}

#[tokio::test]
async fn an_issuer_that_is_away_logs_nobody_out() {
    let (key, new) = (Key::new("one"), Key::new("two"));
    let issuer = Issuer::of(&[&key]);
    let verifier = issuer.verifier().await;
    issuer.set(Answer::Away);
    issuer.clock.advance(MINUTE);
    // It may be a new key that we cannot have heard of.
    assert!(is_outage(&verifier.verify(&new.token(&issuer.claims())).await));
    // What is wrong with any key is refused all the same.
    assert!(matches!(verifier.verify("nonsense").await, Err(VerifyError::Rejected(_))));
    let _ = verifier.verify(&key.token(&issuer.claims())).await.unwrap();
}

#[tokio::test]
async fn without_keys_every_token_is_an_outage_and_the_issuer_is_asked_rarely() {
    let key = Key::new("one");
    let issuer = Issuer::of(&[&key]);
    issuer.set(Answer::Away);
    let verifier = issuer.builder().build().unwrap();
    for _ in 0..20 {
        let refused = verifier.verify(&key.token(&issuer.claims())).await.unwrap_err();
        assert_eq!(refused, VerifyError::Unavailable { retry_after: Duration::from_secs(2) });
    }
    assert_eq!((issuer.asked(), verifier.health()), (1, Health::Unavailable));
    issuer.publish(&[&key]);
    issuer.clock.advance(Duration::from_secs(2));
    let _ = verifier.verify(&key.token(&issuer.claims())).await.unwrap();
    assert_eq!(issuer.asked(), 2);
}

#[tokio::test]
async fn while_the_issuer_hangs_known_keys_verify_without_waiting() {
    let key = Key::new("one");
    let issuer = Issuer::of(&[&key]);
    let verifier = issuer.builder().timeout(Duration::from_millis(50)).build().unwrap();
    verifier.refresh().await.unwrap();
    let token = key.token(&issuer.claims());
    issuer.set(Answer::Hangs);
    let error = verifier.refresh().await.unwrap_err().to_string();
    assert!(error.contains("in time"), "{error}");
    issuer.clock.advance(MINUTE * 5);
    issuer.close().await;
    let _ = verifier.verify(&token).await.unwrap();
    assert!(matches!(verifier.health(), Health::Stale { .. }));
}

#[tokio::test]
async fn a_client_that_panics_is_an_outage() {
    let key = Key::new("one");
    let issuer = Issuer::of(&[&key]);
    issuer.set(Answer::Panics);
    let verifier = issuer.builder().build().unwrap();
    assert!(is_outage(&verifier.verify(&key.token(&issuer.claims())).await));
    let error = verifier.refresh().await.unwrap_err().to_string();
    assert!(error.contains("panicked"), "{error}");
    issuer.publish(&[&key]);
    verifier.refresh().await.unwrap();
    let _ = verifier.verify(&key.token(&issuer.claims())).await.unwrap();
}

#[tokio::test]
async fn an_answer_that_is_no_key_set_changes_nothing() {
    let key = Key::new("one");
    let issuer = Issuer::of(&[&key]);
    let verifier = issuer.builder().max_jwks_bytes(4096).build().unwrap();
    verifier.refresh().await.unwrap();
    let token = key.token(&issuer.claims());
    let jwk = key.jwk();
    let mut weak = json!({"kty": "RSA", "e": "AQAB", "kid": "weak"});
    weak["n"] = json!(URL_SAFE_NO_PAD.encode([0xff; 128]));
    for (document, reason) in [
        (String::new(), "no JSON object"),
        ("<html>".into(), "no JSON object"),
        ("[]".into(), "no JSON object"),
        (format!(r#"{{"keys":[],"keys":[{jwk}]}}"#), "no JSON object"),
        (json!({}).to_string(), "malformed"),
        (json!({"keys": {}}).to_string(), "malformed"),
        (json!({"keys": [jwk, jwk]}).to_string(), "ambiguous"),
        (json!({"keys": [jwk, weak]}).to_string(), "weak"),
        (json!({"keys": [jwk], "x": "x".repeat(4096)}).to_string(), "longer than 4096"),
    ] {
        issuer.set(Answer::Document(document.clone().into_bytes()));
        let error = verifier.refresh().await.unwrap_err().to_string();
        assert!(error.contains(reason), "{document}: {error}");
        let _ = verifier.verify(&token).await.unwrap();
    }
    // An issuer that publishes nothing means it.
    issuer.set(Answer::Document(br#"{"keys":[]}"#.to_vec()));
    verifier.refresh().await.unwrap();
    assert!(matches!(verifier.verify(&token).await, Err(VerifyError::Rejected(_))));
}

#[tokio::test]
async fn whoever_goes_away_while_keys_are_fetched_spoils_nothing() {
    let key = Key::new("one");
    let issuer = Issuer::of(&[&key]);
    issuer.close().await;
    let verifier: Verifier = issuer.builder().build().unwrap();
    let token = key.token(&issuer.claims());
    let gone = tokio::spawn({
        let (verifier, token) = (verifier.clone(), token.clone());
        async move { verifier.verify(&token).await }
    });
    tokio::task::yield_now().await;
    gone.abort();
    let _ = gone.await;
    issuer.open();
    let _ = verifier.verify(&token).await.unwrap();
    assert_eq!(issuer.asked(), 1);
}
