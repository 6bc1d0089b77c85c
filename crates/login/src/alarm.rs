//! Alarms that many requests raise for one reason: spoken of at once, and then seldom.
//!
//! An outage refuses every request. A line for each would fill the disk and bury the one that says why, so a kind of alarm
//! has one line in ten seconds; the next one says how many requests failed alike meanwhile, and the metrics count all of
//! them. Stores nothing but that number. It is the process that writes a log, so the alarms are the process's, too.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use vestibule_token::clock::Stopwatch;

/// How long after a line there is none like it.
const PAUSE: Duration = Duration::from_secs(10);
/// After so long it is another story, for which what was kept back before does not count.
const OBLIVION: Duration = Duration::from_mins(1);

/// One kind of alarm.
#[derive(Debug, Default)]
pub struct Alarm(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    spoken: Option<Stopwatch>,
    kept_back: u64,
}

impl Alarm {
    /// An alarm that nobody has raised yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(Mutex::new(State { spoken: None, kept_back: 0 }))
    }

    /// Raises it. Where it is to be spoken of: how many like it were kept back since that was done last.
    pub fn raise(&self) -> Option<u64> {
        // Nothing is half done under the lock, so a panic elsewhere has spoilt nothing.
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let quiet = state.spoken.map(|spoken| spoken.elapsed());
        let told = state.raise_after(quiet);
        if told.is_some() {
            state.spoken = Some(Stopwatch::start());
        }
        told
    }
}

impl State {
    /// `quiet` is how long ago it was spoken of.
    fn raise_after(&mut self, quiet: Option<Duration>) -> Option<u64> {
        if quiet.is_some_and(|quiet| quiet < PAUSE) {
            self.kept_back = self.kept_back.saturating_add(1);
            return None;
        }
        let kept_back = std::mem::take(&mut self.kept_back);
        Some(if quiet.is_some_and(|quiet| quiet < OBLIVION) { kept_back } else { 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_spoken_of_and_the_others_are_counted() {
        let alarm = Alarm::new();
        assert_eq!(alarm.raise(), Some(0));
        for _ in 0..1000 {
            assert_eq!(alarm.raise(), None);
        }
        let mut state = alarm.0.into_inner().unwrap();
        assert_eq!(state.raise_after(Some(PAUSE)), Some(1000));
        assert_eq!(state.raise_after(Some(PAUSE)), Some(0));
    }

    #[test]
    fn what_was_kept_back_long_ago_is_another_story() {
        let mut state = State { spoken: None, kept_back: 7 };
        assert_eq!(state.raise_after(Some(OBLIVION)), Some(0));
        assert_eq!(state.kept_back, 0);
    }
}
