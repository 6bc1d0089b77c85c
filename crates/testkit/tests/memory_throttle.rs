//! The throttle of one machine keeps the contract.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use vestibule_core::{memory_throttle::MemoryThrottle, ports::throttle::Throttle};
use vestibule_testkit::{VirtualClock, contract::throttle::ThrottleFixture};

struct Memory {
    clock: VirtualClock,
    throttle: Arc<MemoryThrottle>,
}

#[async_trait]
impl ThrottleFixture for Memory {
    const SHORT: Duration = Duration::from_mins(1);

    async fn fresh() -> Self {
        let clock = VirtualClock::default();
        let throttle = Arc::new(MemoryThrottle::new(Arc::new(clock.clone())));
        Self { clock, throttle }
    }

    async fn open(&self) -> Arc<dyn Throttle> {
        self.throttle.clone()
    }

    async fn pass(&self) {
        self.clock.advance(Self::SHORT / 4);
    }
}

vestibule_testkit::throttle_contract!(Memory);
