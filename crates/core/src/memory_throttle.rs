//! The throttle of one machine: counters in memory, bounded.

use std::{
    collections::HashMap,
    mem::{self, Discriminant},
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
    throttle::{Count, Receipt, Rise, Standing, Throttle, ThrottleKey},
};

/// How many counters of a kind are kept, about 100 bytes each.
const CAPACITY: usize = 100_000;

/// Counts attempts in memory.
///
/// Where there are more counters of a kind than there is room for, those that end first are forgotten first. Each kind has
/// room of its own: whoever makes names up pushes nobody's network out.
#[derive(Debug)]
pub struct MemoryThrottle {
    clock: Arc<dyn Clock>,
    capacity: usize,
    kinds: Mutex<HashMap<Discriminant<ThrottleKey>, Windows>>,
    next_window: AtomicU64,
}

type Windows = HashMap<ThrottleKey, Window>;

/// A window, or a counter whose waits rise: then it starts with the last attempt and is as long as it is remembered.
#[derive(Clone, Copy, Debug)]
struct Window {
    /// The clock may run backwards; this number does not come back.
    number: u64,
    count: u32,
    started_at: Timestamp,
    length: Duration,
    rises: bool,
    /// Whether the last attempt was given back.
    is_open: bool,
}

impl Window {
    fn remaining(&self, now: Timestamp) -> Duration {
        // A clock that ran backwards must not prolong anybody's wait.
        self.length.saturating_sub(now.since(self.started_at)).min(self.length)
    }

    fn standing(&self, now: Timestamp) -> Standing {
        let age = if self.rises { now.since(self.started_at) } else { Duration::ZERO };
        Standing { count: self.count, age, is_open: self.is_open }
    }

    fn is_over(&self, now: Timestamp) -> bool {
        now < self.started_at || self.remaining(now).is_zero()
    }
}

impl MemoryThrottle {
    /// Makes a throttle without counters.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, capacity: CAPACITY, kinds: Mutex::default(), next_window: AtomicU64::new(0) }
    }

    /// Does something with the counters of the key's kind.
    fn with<R>(&self, key: &ThrottleKey, work: impl FnOnce(&mut Windows) -> R) -> R {
        let mut kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        work(kinds.entry(mem::discriminant(key)).or_default())
    }

    /// Begins a counter with its first attempt.
    fn begin(&self, windows: &mut Windows, key: &ThrottleKey, length: Duration, rises: bool) -> Receipt {
        let started_at = self.clock.now();
        Self::make_room(windows, self.capacity, started_at);
        let number = self.next_window.fetch_add(1, Ordering::Relaxed);
        let window = Window { number, count: 1, started_at, length, rises, is_open: false };
        windows.insert(key.clone(), window);
        Receipt::Local(number)
    }

    fn make_room(windows: &mut Windows, capacity: usize, now: Timestamp) {
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
        Ok(self.with(key, |windows| {
            if let Some(current) = windows.get_mut(key).filter(|current| !current.is_over(now)) {
                if current.count >= limit {
                    return Count::LimitReached { retry_after: current.remaining(now) };
                }
                current.count += 1;
                return Count::Counted(Receipt::Local(current.number));
            }
            if limit == 0 {
                return Count::LimitReached { retry_after: window };
            }
            Count::Counted(self.begin(windows, key, window, false))
        }))
    }

    async fn count_rising(&self, key: &ThrottleKey, rise: Rise) -> Result<Count, StoreError> {
        let now = self.clock.now();
        Ok(self.with(key, |windows| {
            let Some(current) = windows.get_mut(key).filter(|current| !current.is_over(now)) else {
                return Count::Counted(self.begin(windows, key, rise.memory, true));
            };
            let retry_after = rise.wait_left(&current.standing(now));
            if !retry_after.is_zero() {
                return Count::LimitReached { retry_after };
            }
            let count = current.count.saturating_add(1);
            *current = Window { count, started_at: now, length: rise.memory, is_open: false, ..*current };
            Count::Counted(Receipt::Local(current.number))
        }))
    }

    async fn refund(&self, key: &ThrottleKey, receipt: Receipt) -> Result<(), StoreError> {
        self.with(key, |windows| {
            let counted = windows.get_mut(key).filter(|current| receipt == Receipt::Local(current.number));
            if let Some(current) = counted {
                current.count = current.count.saturating_sub(1);
                current.is_open = current.rises;
            }
        });
        Ok(())
    }

    async fn forget(&self, key: &ThrottleKey) -> Result<(), StoreError> {
        self.with(key, |windows| windows.remove(key));
        Ok(())
    }

    async fn look(&self, key: &ThrottleKey) -> Result<Standing, StoreError> {
        let now = self.clock.now();
        Ok(self.with(key, |windows| {
            let current = windows.get(key).filter(|current| !current.is_over(now));
            current.map(|current| current.standing(now)).unwrap_or_default()
        }))
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

    fn kept(throttle: &MemoryThrottle) -> usize {
        throttle.kinds.lock().unwrap().values().map(HashMap::len).sum()
    }

    const MINUTE: Duration = Duration::from_mins(1);

    #[tokio::test]
    async fn the_counters_are_bounded_and_the_ones_that_end_first_go_first() {
        let clock = Arc::new(Hand::default());
        let throttle = MemoryThrottle { capacity: 64, ..MemoryThrottle::new(clock.clone()) };
        for number in 0..1000 {
            clock.0.store(i64::from(number), Ordering::Relaxed);
            assert!(is_counted(throttle.count(&key(number), 1, MINUTE).await));
            assert!(kept(&throttle) <= 64);
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
        assert!(kept(&throttle) > 48);
    }

    #[tokio::test]
    async fn a_flood_of_one_kind_pushes_no_other_out() {
        let throttle = MemoryThrottle { capacity: 64, ..MemoryThrottle::new(Arc::new(Hand::default())) };
        assert!(is_counted(throttle.count(&key(1), 1, MINUTE).await));
        for number in 0..1000 {
            let network = ClientNetwork::of(IpAddr::V4(Ipv4Addr::from(number)));
            let other = ThrottleKey::Registration(network);
            assert!(is_counted(throttle.count(&other, 1, Duration::from_hours(1)).await));
        }
        assert!(!is_counted(throttle.count(&key(1), 1, MINUTE).await));
        assert!(kept(&throttle) <= 65);
    }

    #[tokio::test]
    async fn a_clock_that_jumps_back_prolongs_no_wait() {
        let clock = Arc::new(Hand::default());
        clock.0.store(1_000_000_000, Ordering::Relaxed);
        let throttle = MemoryThrottle::new(clock.clone());
        let wait = Duration::from_secs(1);
        let rise = Rise { free: 1, first_wait: wait, longest_wait: wait, memory: MINUTE };
        assert!(is_counted(throttle.count_rising(&key(1), rise).await));
        assert!(!is_counted(throttle.count_rising(&key(1), rise).await));
        clock.0.store(0, Ordering::Relaxed);
        assert!(is_counted(throttle.count_rising(&key(1), rise).await));
    }
}
