//! Which limits have been spoken of: one line for the log and the audit a window, however often somebody knocks.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use crate::ports::{clock::Timestamp, throttle::ThrottleKey};

/// How many windows are remembered; beyond it the metric alone tells.
const CAPACITY: usize = 10_000;

/// Remembers, until their windows end, the limits that have been reached.
#[derive(Debug, Default)]
pub(crate) struct LimitNotices(Mutex<HashMap<ThrottleKey, Timestamp>>);

impl LimitNotices {
    /// Whether nobody has spoken yet of this limit in the window that ends at `until`.
    pub(crate) fn is_first(&self, key: &ThrottleKey, until: Timestamp, now: Timestamp) -> bool {
        let mut notices = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if notices.get(key).is_some_and(|end| now < *end) {
            return false;
        }
        if notices.len() >= CAPACITY {
            notices.retain(|_, end| now < *end);
        }
        if notices.len() >= CAPACITY {
            return false;
        }
        notices.insert(key.clone(), until);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::values::client::ClientNetwork;
    use std::{
        net::{IpAddr, Ipv4Addr},
        time::Duration,
    };

    fn key(number: u32) -> ThrottleKey {
        ThrottleKey::Login(ClientNetwork::of(IpAddr::V4(Ipv4Addr::from(number))))
    }

    #[test]
    fn a_limit_is_spoken_of_once_a_window() {
        let (notices, now) = (LimitNotices::default(), Timestamp::from_millis(1_000_000));
        let end = now.plus(Duration::from_mins(1));
        assert!(notices.is_first(&key(1), end, now));
        assert!(!notices.is_first(&key(1), end, now));
        assert!(notices.is_first(&key(2), end, now));
        assert!(notices.is_first(&key(1), end.plus(Duration::from_mins(1)), end));
    }

    #[test]
    fn a_flood_of_networks_takes_bounded_room() {
        let (notices, now) = (LimitNotices::default(), Timestamp::from_millis(1_000_000));
        let end = now.plus(Duration::from_mins(1));
        let spoken = (0..20_000).filter(|number| notices.is_first(&key(*number), end, now)).count();
        assert_eq!(spoken, CAPACITY);
        assert!(notices.is_first(&key(30_000), end.plus(Duration::from_mins(1)), end));
    }
}
