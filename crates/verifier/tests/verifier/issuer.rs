//! An issuer whose keys, answers and clock the tests turn.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::Uri;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use vestibule_verifier::{
    AccountId, Clock, FetchError, FetchJwks, Fetching, SessionId, Timestamp, Verifier, VerifierBuilder,
};

pub(crate) const ISSUER: &str = "https://login.example";
pub(crate) const AUDIENCE: &str = "https://orders.example";

/// A clock that stands still until a test turns it.
#[derive(Clone, Debug)]
pub(crate) struct TestClock(Arc<AtomicI64>);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

impl TestClock {
    pub(crate) fn advance(&self, span: Duration) {
        self.0.fetch_add(i64::try_from(span.as_millis()).unwrap(), Ordering::SeqCst);
    }

    pub(crate) fn turn_back(&self, span: Duration) {
        self.0.fetch_sub(i64::try_from(span.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

/// What the issuer answers with.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Document(Vec<u8>),
    Away,
    Hangs,
    Panics,
}

/// One key of the issuer's.
pub(crate) struct Key {
    kid: &'static str,
    pair: Ed25519KeyPair,
}

impl Key {
    pub(crate) fn new(kid: &'static str) -> Self {
        Self { kid, pair: Ed25519KeyPair::generate().unwrap() }
    }

    pub(crate) fn jwk(&self) -> Value {
        let x = URL_SAFE_NO_PAD.encode(self.pair.public_key().as_ref());
        json!({"kty": "OKP", "crv": "Ed25519", "x": x, "kid": self.kid, "use": "sig", "alg": "EdDSA"})
    }

    pub(crate) fn header(&self) -> Value {
        json!({"alg": "EdDSA", "typ": "at+jwt", "kid": self.kid})
    }

    pub(crate) fn sign(&self, header: &Value, payload: &[u8]) -> String {
        let signed =
            format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(payload));
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(self.pair.sign(signed.as_bytes())))
    }

    /// A good token of these claims.
    pub(crate) fn token(&self, claims: &Value) -> String {
        self.sign(&self.header(), claims.to_string().as_bytes())
    }
}

/// The issuer, shared with the verifier that asks it.
#[derive(Clone, Debug)]
pub(crate) struct Issuer {
    answer: Arc<Mutex<Answer>>,
    asked: Arc<AtomicUsize>,
    turnstile: Arc<Semaphore>,
    pub(crate) clock: TestClock,
}

impl FetchJwks for Issuer {
    fn fetch<'a>(&'a self, url: &'a Uri, _max_bytes: usize) -> Fetching<'a> {
        assert_eq!(url, "https://login.example/.well-known/jwks.json");
        self.asked.fetch_add(1, Ordering::SeqCst);
        let answer = self.answer.lock().unwrap().clone();
        Box::pin(async move {
            let _turn = self.turnstile.acquire().await.unwrap();
            match answer {
                Answer::Document(document) => Ok(document),
                Answer::Away => Err(FetchError::other("connection refused")),
                Answer::Hangs => std::future::pending().await,
                Answer::Panics => panic!("a client with a bug"),
            }
        })
    }
}

impl Issuer {
    pub(crate) fn of(keys: &[&Key]) -> Self {
        let issuer = Self {
            answer: Arc::new(Mutex::new(Answer::Away)),
            asked: Arc::default(),
            turnstile: Arc::new(Semaphore::new(1000)),
            clock: TestClock(Arc::new(AtomicI64::new(1_767_225_600_000))),
        };
        issuer.publish(keys);
        issuer
    }

    pub(crate) fn publish(&self, keys: &[&Key]) {
        let keys: Vec<Value> = keys.iter().map(|key| key.jwk()).collect();
        self.set(Answer::Document(json!({ "keys": keys }).to_string().into_bytes()));
    }

    pub(crate) fn set(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }

    /// How often it was asked.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    /// Keeps every answer back until [`Self::open`].
    pub(crate) async fn close(&self) {
        self.turnstile.acquire_many(1000).await.unwrap().forget();
    }

    pub(crate) fn open(&self) {
        self.turnstile.add_permits(1000);
    }

    pub(crate) fn shares(&self) -> usize {
        Arc::strong_count(&self.answer)
    }

    pub(crate) fn builder(&self) -> VerifierBuilder {
        Verifier::builder(ISSUER).audience(AUDIENCE).fetcher(self.clone()).clock(self.clock.clone())
    }

    pub(crate) async fn verifier(&self) -> Verifier {
        let verifier = self.builder().build().unwrap();
        verifier.refresh().await.unwrap();
        verifier
    }

    /// Claims as the engine writes them, for 15 minutes from now.
    pub(crate) fn claims(&self) -> Value {
        let now = self.clock.now();
        let id = AccountId::new(now).to_string();
        json!({
            "iss": ISSUER, "sub": id, "aud": AUDIENCE, "exp": now.as_seconds() + 900, "iat": now.as_seconds(),
            "jti": AccountId::new(now).to_string(), "sid": SessionId::new(now).to_string(),
            "scope": "orders:read profile", "client_id": "vestibule", "auth_time": now.as_seconds(), "id": id,
            "username": "ada", "permissions": ["staff"], "type": "access",
        })
    }
}
