//! What the server was sent, and what it does about it.

use std::{
    collections::HashSet,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::Conduct;

/// So long a letter may take before a test gives up. No test waits for it to pass.
const PATIENCE: Duration = Duration::from_secs(30);

/// A letter as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// The sender of the envelope.
    pub from: String,
    /// The recipients of the envelope.
    pub to: Vec<String>,
    /// Headers and bodies, with dots unstuffed.
    pub data: Vec<u8>,
    /// Whether it came encrypted.
    pub is_encrypted: bool,
    /// Who had logged in.
    pub user: Option<String>,
}

#[derive(Debug, Default)]
pub(super) struct Ledger {
    state: Mutex<State>,
    arrived: Condvar,
}

#[derive(Debug, Default)]
struct State {
    conduct: Conduct,
    letters: Vec<Letter>,
    lines: Vec<(String, bool)>,
    /// Recipients who were turned away once.
    known: HashSet<String>,
    connections: usize,
}

impl Ledger {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn set(&self, conduct: Conduct) {
        self.state().conduct = conduct;
    }

    pub(super) fn conduct(&self) -> Conduct {
        self.state().conduct
    }

    pub(super) fn connected(&self) {
        self.state().connections += 1;
    }

    pub(super) fn connections(&self) -> usize {
        self.state().connections
    }

    pub(super) fn heard(&self, line: &str, is_encrypted: bool) {
        self.state().lines.push((line.to_owned(), is_encrypted));
    }

    pub(super) fn lines(&self) -> Vec<(String, bool)> {
        self.state().lines.clone()
    }

    /// Whether this recipient was turned away before; from now on it was.
    pub(super) fn is_known(&self, recipient: &str) -> bool {
        !self.state().known.insert(recipient.to_owned())
    }

    pub(super) fn keep(&self, letter: Letter) {
        self.state().letters.push(letter);
        self.arrived.notify_all();
    }

    pub(super) fn letters(&self) -> Vec<Letter> {
        self.state().letters.clone()
    }

    pub(super) fn wait_for_letters(&self, count: usize) -> Vec<Letter> {
        let waited =
            self.arrived.wait_timeout_while(self.state(), PATIENCE, |state| state.letters.len() < count);
        let (state, outcome) = waited.unwrap_or_else(PoisonError::into_inner);
        assert!(!outcome.timed_out(), "{} letters came instead of {count}", state.letters.len());
        state.letters.clone()
    }
}
