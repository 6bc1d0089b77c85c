//! Who may fetch, and when: one at a time, and not more often than the pause allows.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::watch;
use vestibule_token::clock::Timestamp;

/// What whoever asks for a fetch is told.
#[derive(Debug)]
pub(crate) enum Leave {
    /// Go.
    Granted(Ticket),
    /// Somebody is under way.
    Underway,
    /// Somebody was under way a moment ago.
    TooSoon,
}

/// Lets one fetch be under way.
#[derive(Clone, Debug)]
pub(crate) struct Runway(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    state: Mutex<State>,
    landed: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    last_started: Option<Timestamp>,
    is_underway: bool,
}

/// Leave to fetch; given back when it is dropped, however the fetch ended.
#[derive(Debug)]
pub(crate) struct Ticket(Arc<Inner>);

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.0.state().is_underway = false;
        self.0.landed.send_modify(|count| *count += 1);
    }
}

impl Runway {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Inner { state: Mutex::default(), landed: watch::Sender::new(0) }))
    }

    /// Asks for leave; with a pause of zero only one under way is in the way.
    pub(crate) fn ask(&self, now: Timestamp, pause: Duration) -> Leave {
        let mut state = self.0.state();
        if state.is_underway {
            return Leave::Underway;
        }
        // A clock that was turned back must not keep us from the keys.
        if state.last_started.is_some_and(|last| now >= last && now.since(last) < pause) {
            return Leave::TooSoon;
        }
        state.last_started = Some(now);
        state.is_underway = true;
        Leave::Granted(Ticket(Arc::clone(&self.0)))
    }

    /// Hears of landings from now on; subscribe before you ask.
    pub(crate) fn landings(&self) -> watch::Receiver<u64> {
        self.0.landed.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSE: Duration = Duration::from_secs(2);

    #[test]
    fn one_at_a_time_and_not_too_often() {
        let runway = Runway::new();
        let start = Timestamp::from_millis(1_000_000);
        let Leave::Granted(ticket) = runway.ask(start, PAUSE) else { unreachable!("nobody is under way") };
        assert!(matches!(runway.ask(start.plus(PAUSE), PAUSE), Leave::Underway));
        let landings = runway.landings();
        drop(ticket);
        assert!(landings.has_changed().unwrap());
        let almost = start.plus(PAUSE).minus(Duration::from_millis(1));
        assert!(matches!(runway.ask(almost, PAUSE), Leave::TooSoon));
        assert!(matches!(runway.ask(almost, Duration::ZERO), Leave::Granted(_)));
        let turned_back = start.minus(Duration::from_hours(1));
        assert!(matches!(runway.ask(turned_back, PAUSE), Leave::Granted(_)));
    }
}
