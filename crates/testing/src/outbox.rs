//! What people were written.
#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::sleep;
use vestibule::core::Auth;
use vestibule_mail::{Inbox, Received};

/// How long a letter may take whose cause still runs; on any machine that is too long.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(10);

/// The letters of an application, put into words as in production and delivered nowhere. Clones share it.
///
/// Every letter is taken out once: what a test has read does not stand in the way of what comes later.
#[derive(Clone)]
pub struct TestOutbox {
    auth: Arc<Auth>,
    inbox: Inbox,
    untaken: Arc<Mutex<Vec<TestLetter>>>,
}

impl TestOutbox {
    /// The letters that an engine delivers to an inbox.
    #[must_use]
    pub fn new(auth: Arc<Auth>, inbox: Inbox) -> Self {
        Self { auth, inbox, untaken: Arc::default() }
    }

    /// The oldest letter to an address that was not taken yet; waits for one that is on its way.
    ///
    /// # Panics
    /// Where none comes, with the letters to others.
    pub async fn await_letter_to(&self, address: &str) -> TestLetter {
        let mut waited = Duration::ZERO;
        loop {
            self.collect().await;
            if let Some(letter) = self.take_to(address) {
                return letter;
            }
            assert!(waited < PATIENCE, "no letter to {address} came, but {:?}", self.untaken());
            sleep(PAUSE).await;
            waited += PAUSE;
        }
    }

    /// Takes every letter that was not taken yet, the oldest first: none, where nobody was written.
    pub async fn letters(&self) -> Vec<TestLetter> {
        self.collect().await;
        std::mem::take(&mut *self.untaken())
    }

    /// Does what is due and takes in what that delivers.
    pub(crate) async fn collect(&self) {
        self.auth.run_due_errands().await.expect("the store");
        let came = self.inbox.take().into_iter().map(TestLetter);
        self.untaken().extend(came);
    }

    /// Drops what came to an address.
    pub(crate) async fn discard_to(&self, address: &str) {
        self.collect().await;
        while self.take_to(address).is_some() {}
    }

    fn take_to(&self, address: &str) -> Option<TestLetter> {
        let mut untaken = self.untaken();
        let place = untaken.iter().position(|letter| letter.to().eq_ignore_ascii_case(address))?;
        Some(untaken.remove(place))
    }

    fn untaken(&self) -> MutexGuard<'_, Vec<TestLetter>> {
        self.untaken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for TestOutbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TestOutbox").field(&*self.untaken()).finish()
    }
}

/// A letter as it would have reached its reader.
#[derive(Clone, PartialEq, Eq)]
pub struct TestLetter(Received);

impl TestLetter {
    /// The address it went to.
    #[must_use]
    pub fn to(&self) -> &str {
        &self.0.to
    }

    /// The subject.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.0.subject
    }

    /// The body as plain text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// The body as HTML.
    #[must_use]
    pub fn html(&self) -> &str {
        &self.0.html
    }

    /// What it asks to be opened; a client takes the whole link for a path.
    ///
    /// # Panics
    /// Where there is no link in it.
    #[track_caller]
    #[must_use]
    pub fn link(&self) -> &str {
        self.links().first().unwrap_or_else(|| panic!("no link in {self:?}: {}", self.text()))
    }

    /// Every link in it, each once; what it asks to be opened comes first.
    #[must_use]
    pub fn links(&self) -> &[String] {
        &self.0.links
    }

    /// The code that can be typed instead of opening the link.
    ///
    /// # Panics
    /// Where there is none in it.
    #[track_caller]
    #[must_use]
    pub fn code(&self) -> &str {
        self.0.code.as_deref().unwrap_or_else(|| panic!("no code in {self:?}: {}", self.text()))
    }
}

impl fmt::Debug for TestLetter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} to {}", self.subject(), self.to())
    }
}
