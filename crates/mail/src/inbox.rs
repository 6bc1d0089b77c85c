//! An inbox in memory, for developers and tests.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use serde::Serialize;
use vestibule_core::{
    ports::mailer::{DeliveryError, Mailer},
    values::message::Message,
};

use crate::templates::{Letter, Templates};

/// How many letters are kept; the oldest make room.
pub const CAPACITY: usize = 200;

/// A letter as it would have reached its reader. Links and codes do not print.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Received {
    /// The address it went to.
    pub to: String,
    /// The subject.
    pub subject: String,
    /// The body as plain text.
    pub text: String,
    /// The body as HTML.
    pub html: String,
    /// Every link in the text, each once; what it asks to be opened comes first.
    pub links: Vec<String>,
    /// The code that can be typed instead of opening the link.
    pub code: Option<String>,
}

impl Received {
    fn new(message: &Message, letter: Letter) -> Self {
        let invitation = message.content.invitation();
        let mut links: Vec<_> = invitation.map(|invitation| invitation.link.clone()).into_iter().collect();
        for link in links_in(&letter.text) {
            if !links.iter().any(|known| known == link) {
                links.push(link.to_owned());
            }
        }
        let code = invitation.map(|invitation| invitation.code.clone());
        let Letter { subject, text, html } = letter;
        Self { to: message.to.clone(), subject, text, html, links, code }
    }
}

impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Received").field("to", &self.to).finish_non_exhaustive()
    }
}

fn links_in(text: &str) -> impl Iterator<Item = &str> {
    let is_link = |word: &&str| word.starts_with("https://") || word.starts_with("http://");
    text.split_whitespace().filter(is_link).map(|word| word.trim_end_matches(['.', ',', ';', ':', ')', '>']))
}

/// Keeps the newest letters in memory, oldest first. Clones share it.
#[derive(Clone)]
pub struct Inbox {
    templates: Arc<Templates>,
    letters: Arc<Mutex<VecDeque<Received>>>,
}

impl Inbox {
    /// An empty one.
    #[must_use]
    pub fn new(templates: Templates) -> Self {
        Self { templates: Arc::new(templates), letters: Arc::default() }
    }

    /// What came, oldest first.
    #[must_use]
    pub fn letters(&self) -> Vec<Received> {
        self.locked(|letters| letters.iter().cloned().collect())
    }

    /// Takes out what came, oldest first; what comes meanwhile stays.
    #[must_use]
    pub fn take(&self) -> Vec<Received> {
        self.locked(|letters| letters.drain(..).collect())
    }

    /// Forgets what came.
    pub fn clear(&self) {
        self.locked(VecDeque::clear);
    }

    fn locked<T>(&self, act: impl FnOnce(&mut VecDeque<Received>) -> T) -> T {
        // Whoever panicked left the letters whole.
        act(&mut self.letters.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for Inbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let length = self.locked(|letters| letters.len());
        f.debug_struct("Inbox").field("letters", &length).finish_non_exhaustive()
    }
}

#[async_trait]
impl Mailer for Inbox {
    async fn deliver(&self, message: &Message) -> Result<(), DeliveryError> {
        let letter =
            self.templates.render(message).map_err(|error| DeliveryError::Temporary(error.into()))?;
        let received = Received::new(message, letter);
        self.locked(|letters| {
            while letters.len() >= CAPACITY {
                letters.pop_front();
            }
            letters.push_back(received);
        });
        Ok(())
    }
}
