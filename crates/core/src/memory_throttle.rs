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
/// How far back a clock has to jump to end the windows that began afterwards. Clocks are corrected by less: then no time
/// has passed.
const STEP_BACK: Duration = Duration::from_secs(5);

/// Counts attempts in memory.
///
/// Where there are more counters of a kind than there is room for, those that have counted least are forgotten first, and of
/// those the ones that end first: whoever makes names up pushes nobody's failures out. Each kind has room of its own, so
/// that they push nobody's network out either.
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
    fn begun(started_at: Timestamp, length: Duration, rises: bool) -> Self {
        Self { number: 0, count: 1, started_at, length, rises, is_open: false }
    }

    fn remaining(&self, now: Timestamp) -> Duration {
        // A clock that ran backwards must not prolong anybody's wait.
        self.length.saturating_sub(now.since(self.started_at)).min(self.length)
    }

    fn standing(&self, now: Timestamp) -> Standing {
        let age = if self.rises { now.since(self.started_at) } else { Duration::ZERO };
        Standing { count: self.count, age, is_open: self.is_open }
    }

    fn is_over(&self, now: Timestamp) -> bool {
        self.started_at.since(now) >= STEP_BACK || self.remaining(now).is_zero()
    }

    /// How much is lost where this is forgotten: what has counted more, and then what counts for longer.
    fn weight(&self, now: Timestamp) -> (u32, Duration) {
        (self.count, self.remaining(now))
    }
}

impl MemoryThrottle {
    /// Makes a throttle without counters.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, capacity: CAPACITY, kinds: Mutex::default(), next_window: AtomicU64::new(0) }
    }

    /// Does something with the counters of the key's kind, at a moment that no other caller's comes after: whoever waited
    /// for the counters has not to come out before those who went first.
    fn with<R>(&self, key: &ThrottleKey, work: impl FnOnce(&mut Windows, Timestamp) -> R) -> R {
        let mut kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        work(kinds.entry(mem::discriminant(key)).or_default(), self.clock.now())
    }

    /// Begins a counter with its first attempt.
    fn begin(&self, windows: &mut Windows, key: &ThrottleKey, new: Window) -> Receipt {
        Self::make_room(windows, self.capacity, new.started_at);
        let number = self.next_window.fetch_add(1, Ordering::Relaxed);
        windows.insert(key.clone(), Window { number, ..new });
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
        let mut weights: Vec<_> = windows.values().map(|window| window.weight(now)).collect();
        let eighth = weights.len() / 8;
        let (_, limit, _) = weights.select_nth_unstable(eighth);
        let limit = *limit;
        // By number: where all windows weigh the same, not all of them may go.
        let mut surplus = eighth + 1;
        windows.retain(|_, window| {
            let goes = surplus > 0 && window.weight(now) <= limit;
            surplus -= usize::from(goes);
            !goes
        });
    }
}

#[async_trait]
impl Throttle for MemoryThrottle {
    async fn count(&self, key: &ThrottleKey, limit: u32, window: Duration) -> Result<Count, StoreError> {
        Ok(self.with(key, |windows, now| {
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
            Count::Counted(self.begin(windows, key, Window::begun(now, window, false)))
        }))
    }

    async fn count_rising(&self, key: &ThrottleKey, rise: Rise) -> Result<Count, StoreError> {
        Ok(self.with(key, |windows, now| {
            let Some(current) = windows.get_mut(key).filter(|current| !current.is_over(now)) else {
                return Count::Counted(self.begin(windows, key, Window::begun(now, rise.memory, true)));
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
        self.with(key, |windows, _| {
            let counted = windows.get_mut(key).filter(|current| receipt == Receipt::Local(current.number));
            if let Some(current) = counted {
                current.count = current.count.saturating_sub(1);
                current.is_open = current.rises;
            }
        });
        Ok(())
    }

    async fn forget(&self, key: &ThrottleKey) -> Result<(), StoreError> {
        self.with(key, |windows, _| windows.remove(key));
        Ok(())
    }

    async fn look(&self, key: &ThrottleKey) -> Result<Standing, StoreError> {
        Ok(self.with(key, |windows, now| {
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

    /// Names that are made up cost one attempt each; a name that is guessed at has cost more.
    #[tokio::test]
    async fn made_up_names_push_no_counter_out_that_has_counted_more() {
        let clock = Arc::new(Hand::default());
        let throttle = MemoryThrottle { capacity: 64, ..MemoryThrottle::new(clock.clone()) };
        let rise =
            Rise { free: 3, first_wait: MINUTE, longest_wait: MINUTE, memory: Duration::from_hours(1) };
        for _ in 0..3 {
            assert!(is_counted(throttle.count_rising(&key(0), rise).await));
        }
        for number in 1..1000 {
            // They end later than the one that is guessed at.
            clock.0.store(i64::from(number), Ordering::Relaxed);
            assert!(is_counted(throttle.count_rising(&key(number), rise).await));
        }
        assert!(!is_counted(throttle.count_rising(&key(0), rise).await));
        assert!(kept(&throttle) <= 64);
    }

    /// Clocks are set right by a little, and two callers may read one in one order and count in the other.
    #[tokio::test]
    async fn a_clock_that_steps_back_a_little_forgets_nothing() {
        let clock = Arc::new(Hand::default());
        let throttle = MemoryThrottle::new(clock.clone());
        let rise = Rise { free: 2, first_wait: MINUTE, longest_wait: MINUTE, memory: MINUTE };
        let mut counted = Vec::new();
        for now in [1000, 1001, 1000] {
            clock.0.store(now, Ordering::Relaxed);
            counted.push(is_counted(throttle.count_rising(&key(1), rise).await));
        }
        assert_eq!(counted, [true, true, false]);
        clock.0.store(1001, Ordering::Relaxed);
        assert!(is_counted(throttle.count(&key(2), 1, MINUTE).await));
        clock.0.store(1000, Ordering::Relaxed);
        let outcome = throttle.count(&key(2), 1, MINUTE).await.unwrap();
        assert_eq!(outcome, Count::LimitReached { retry_after: MINUTE });
    }
}
