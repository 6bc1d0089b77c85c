//! The throttle of one machine: counters in memory, bounded.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;

use crate::ports::{
    clock::{Clock, Timestamp},
    store::StoreError,
    throttle::{Count, Receipt, Throttle, ThrottleKey},
};

/// How many counters are kept, about 100 bytes each.
const CAPACITY: usize = 200_000;

/// Counts attempts in memory, in fixed windows from the first attempt.
///
/// Where more clients attack than there is room for counters, those whose windows end first are forgotten first.
#[derive(Debug)]
pub struct MemoryThrottle {
    clock: Arc<dyn Clock>,
    capacity: usize,
    windows: Mutex<HashMap<ThrottleKey, Window>>,
    next_window: AtomicU64,
}

#[derive(Clone, Copy, Debug)]
struct Window {
    /// The clock may run backwards; this number does not come back.
    number: u64,
    count: u32,
    started_at: Timestamp,
    length: Duration,
}

impl Window {
    fn remaining(&self, now: Timestamp) -> Duration {
        // A clock that ran backwards must not prolong anybody's wait.
        self.length.saturating_sub(now.since(self.started_at)).min(self.length)
    }

    fn is_over(&self, now: Timestamp) -> bool {
        now < self.started_at || self.remaining(now).is_zero()
    }
}

impl MemoryThrottle {
    /// Makes a throttle without counters.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, capacity: CAPACITY, windows: Mutex::default(), next_window: AtomicU64::new(0) }
    }

    fn make_room(windows: &mut HashMap<ThrottleKey, Window>, capacity: usize, now: Timestamp) {
        if windows.len() < capacity {
            return;
        }
        windows.retain(|_, window| !window.is_over(now));
        if windows.len() < capacity {
            return;
        }
        let mut ends: Vec<Duration> = windows.values().map(|window| window.remaining(now)).collect();
        let eighth = ends.len() / 8;
        let (_, limit, _) = ends.select_nth_unstable(eighth);
        let limit = *limit;
        // By number: where all windows end together, not all of them may go.
        let mut surplus = eighth + 1;
        windows.retain(|_, window| {
            let goes = surplus > 0 && window.remaining(now) <= limit;
            surplus -= usize::from(goes);
            !goes
        });
    }
}

#[async_trait]
impl Throttle for MemoryThrottle {
    async fn count(&self, key: &ThrottleKey, limit: u32, window: Duration) -> Result<Count, StoreError> {
        let now = self.clock.now();
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(current) = windows.get_mut(key).filter(|current| !current.is_over(now)) {
            if current.count >= limit {
                return Ok(Count::LimitReached { retry_after: current.remaining(now) });
            }
            current.count += 1;
            return Ok(Count::Counted(Receipt::Local(current.number)));
        }
        if limit == 0 {
            return Ok(Count::LimitReached { retry_after: window });
        }
        Self::make_room(&mut windows, self.capacity, now);
        let number = self.next_window.fetch_add(1, Ordering::Relaxed);
        windows.insert(key.clone(), Window { number, count: 1, started_at: now, length: window });
        Ok(Count::Counted(Receipt::Local(number)))
    }

    async fn refund(&self, key: &ThrottleKey, receipt: Receipt) -> Result<(), StoreError> {
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        let counted = windows.get_mut(key).filter(|current| receipt == Receipt::Local(current.number));
        if let Some(current) = counted {
            current.count = current.count.saturating_sub(1);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::client::ClientNetwork;
    use std::{
        net::{IpAddr, Ipv4Addr},
        sync::atomic::AtomicI64,
    };

    #[derive(Debug, Default)]
    struct Hand(AtomicI64);

    impl Clock for Hand {
        fn now(&self) -> Timestamp {
            Timestamp::from_millis(self.0.load(Ordering::Relaxed))
        }
    }

    fn key(number: u32) -> ThrottleKey {
        ThrottleKey::Login(ClientNetwork::of(IpAddr::V4(Ipv4Addr::from(number))))
    }

    fn is_counted(outcome: Result<Count, StoreError>) -> bool {
        matches!(outcome.unwrap(), Count::Counted(_))
    }

    const MINUTE: Duration = Duration::from_mins(1);

    #[tokio::test]
    async fn the_counters_are_bounded_and_the_ones_that_end_first_go_first() {
        let clock = Arc::new(Hand::default());
        let throttle = MemoryThrottle { capacity: 64, ..MemoryThrottle::new(clock.clone()) };
        for number in 0..1000 {
            clock.0.store(i64::from(number), Ordering::Relaxed);
            assert!(is_counted(throttle.count(&key(number), 1, MINUTE).await));
            assert!(throttle.windows.lock().unwrap().len() <= 64);
        }
        assert!(!is_counted(throttle.count(&key(999), 1, MINUTE).await));
    }

    #[tokio::test]
    async fn a_clock_that_jumps_back_locks_nobody_out() {
        let clock = Arc::new(Hand::default());
        clock.0.store(1_000_000_000, Ordering::Relaxed);
        let throttle = MemoryThrottle::new(clock.clone());
        throttle.count(&key(1), 1, MINUTE).await.unwrap();
        clock.0.store(0, Ordering::Relaxed);
        assert!(is_counted(throttle.count(&key(1), 1, MINUTE).await));
    }

    #[tokio::test]
    async fn windows_that_end_together_are_not_all_forgotten() {
        let throttle = MemoryThrottle { capacity: 64, ..MemoryThrottle::new(Arc::new(Hand::default())) };
        for number in 0..65 {
            assert!(is_counted(throttle.count(&key(number), 1, Duration::from_mins(1)).await));
        }
        assert!(throttle.windows.lock().unwrap().len() > 48);
    }
}
