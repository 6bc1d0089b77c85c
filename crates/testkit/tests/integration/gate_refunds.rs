//! Attempts that are given back: in an order in which nobody who comes between is turned away unheard.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use axum::body::Body;
use http::{Request, StatusCode};
use tower::ServiceExt as _;
use vestibule::{
    Vestibule,
    core::{
        memory_throttle::MemoryThrottle,
        ports::{
            StoreError, SystemClock, Throttle, ThrottleKey,
            throttle::{Count, Receipt, Rise, Standing},
        },
    },
    hashing::HashingConfig,
};

/// Counts in memory, and notes after each refund what the name and the account have left counted.
#[derive(Debug)]
struct Watched {
    inner: MemoryThrottle,
    name: Mutex<Option<ThrottleKey>>,
    account: Mutex<Option<ThrottleKey>>,
    seen: Mutex<Vec<(u32, u32)>>,
}

impl Watched {
    fn new() -> Self {
        let inner = MemoryThrottle::new(Arc::new(SystemClock));
        Self { inner, name: Mutex::default(), account: Mutex::default(), seen: Mutex::default() }
    }

    async fn counted(&self, of: &Mutex<Option<ThrottleKey>>) -> u32 {
        let key = of.lock().unwrap().clone();
        match key {
            Some(key) => self.inner.look(&key).await.unwrap().count,
            None => 0,
        }
    }
}

#[async_trait]
impl Throttle for Watched {
    async fn count(&self, key: &ThrottleKey, limit: u32, window: Duration) -> Result<Count, StoreError> {
        self.inner.count(key, limit, window).await
    }

    async fn count_rising(&self, key: &ThrottleKey, rise: Rise) -> Result<Count, StoreError> {
        match key {
            ThrottleKey::Name(_) => *self.name.lock().unwrap() = Some(key.clone()),
            ThrottleKey::Strangers(_) => *self.account.lock().unwrap() = Some(key.clone()),
            _ => {}
        }
        self.inner.count_rising(key, rise).await
    }

    async fn refund(&self, key: &ThrottleKey, receipt: Receipt) -> Result<(), StoreError> {
        let refunded = self.inner.refund(key, receipt).await;
        let counted = (self.counted(&self.name).await, self.counted(&self.account).await);
        self.seen.lock().unwrap().push(counted);
        refunded
    }

    async fn forget(&self, key: &ThrottleKey) -> Result<(), StoreError> {
        self.inner.forget(key).await
    }

    async fn look(&self, key: &ThrottleKey) -> Result<Standing, StoreError> {
        self.inner.look(key).await
    }
}

fn post(path: &str, kind: &str, body: &str) -> Request<Body> {
    Request::post(path).header("content-type", kind).body(Body::from(body.to_owned())).unwrap()
}

#[tokio::test]
async fn a_right_password_is_never_told_to_be_wrong_because_another_one_is_right_at_the_same_time() {
    let watched = Arc::new(Watched::new());
    let throttle = Arc::clone(&watched);
    let vestibule = Vestibule::builder("http://127.0.0.1:3000")
        .hashing(HashingConfig::cheap_for_tests())
        .engine(move |engine| engine.throttle(throttle))
        .open_in_memory()
        .await
        .unwrap();
    let router = vestibule.clone().into_router(vestibule.routes());
    let json = r#"{"email":"ada@example.com","password":"correct horse battery"}"#;
    let made = router.clone().oneshot(post("/api/v1/users", "application/json", json)).await.unwrap();
    assert_eq!(made.status(), StatusCode::CREATED);
    watched.seen.lock().unwrap().clear();

    let form = "username=ada@example.com&password=correct+horse+battery";
    let login = post("/api/v1/login", "application/x-www-form-urlencoded", form);
    assert_eq!(router.oneshot(login).await.unwrap().status(), StatusCode::OK);
    // Whoever is let in by the name is let in by the account, at every moment of it.
    let seen = watched.seen.lock().unwrap().clone();
    assert_eq!(seen.last(), Some(&(0, 0)), "{seen:?}");
    assert!(seen.contains(&(1, 0)) && seen.iter().all(|(name, account)| account <= name), "{seen:?}");
    vestibule.close().await;
}
