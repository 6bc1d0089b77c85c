//! The throttle contract on a single server, behind a sentinel, and on a cluster.

/// A fixture whose counters live on servers that all cases of a module share; each case has a prefix of its own.
macro_rules! on {
    ($servers:expr) => {
        use std::{sync::Arc, time::Duration};

        use async_trait::async_trait;
        use vestibule_core::ports::throttle::Throttle;
        use vestibule_testkit::contract::throttle::ThrottleFixture;

        struct Shared(String);

        #[async_trait]
        impl ThrottleFixture for Shared {
            const SHORT: Duration = Duration::from_millis(300);

            async fn fresh() -> Self {
                Self(crate::redis::servers::fresh_prefix())
            }

            async fn open(&self) -> Arc<dyn Throttle> {
                let url: &'static str = $servers;
                let throttle = crate::redis::servers::start(url, &self.0).await;
                for _ in 0..3_000 {
                    if throttle.is_shared() {
                        return Arc::new(throttle);
                    }
                    self.pass().await;
                }
                panic!("{url} is not found");
            }

            async fn pass(&self) {
                tokio::time::sleep(Self::SHORT / 30).await;
            }
        }

        vestibule_testkit::throttle_contract!(Shared);
    };
}

mod single {
    on!(crate::redis::servers::single());
}

mod sentinel {
    on!(crate::redis::servers::sentinel());
}

mod cluster {
    on!(crate::redis::servers::cluster());

    /// So that one node's memory and time are not what limits all.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn counters_are_spread_over_the_nodes() {
        let fixture = Shared::fresh().await;
        let throttle = fixture.open().await;
        for number in 0..60 {
            let key = vestibule_testkit::contract::throttle::login_from(&format!("198.51.100.{number}"));
            throttle.count(&key, 1, Duration::from_mins(1)).await.unwrap();
        }
        for node in crate::redis::servers::CLUSTER.nodes() {
            let held = node.cli(&["KEYS", &format!("{}:throttle:*", fixture.0)]).lines().count();
            assert!((1..60).contains(&held), "{held}");
        }
    }
}
