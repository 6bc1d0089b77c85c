//! What the pages of a session repeat in a header, where requests by cookie are proven by double submit.
//!
//! Stores nothing: the value is a MAC of the session under a key of its own. It steers itself by nothing but
//! `secret_key`; values made with `previous_secret_keys` still count.
//!
//! Defends against foreign pages that send something in a visitor's name, and against planted cookies: nobody without
//! `secret_key` knows the value of a session, and one session's fits no other.

use std::fmt::Write;

use crate::{Auth, values::session::SessionId};

/// How many hexadecimal digits a value has.
const DIGITS: usize = 32;

impl Auth {
    /// What the pages of a session repeat.
    #[must_use]
    pub fn csrf_token(&self, session_id: SessionId) -> String {
        let mac = self.master.csrf_mac(session_id.as_uuid().as_bytes());
        mac.iter().fold(String::with_capacity(DIGITS), |mut text, byte| {
            // Writing into a string does not fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    /// Whether this is what the pages of a session repeat; in constant time.
    #[must_use]
    pub fn is_csrf_token(&self, session_id: SessionId, submitted: &str) -> bool {
        let has_form = submitted.len() == DIGITS && submitted.bytes().all(|byte| byte.is_ascii_hexdigit());
        let Some(presented) = u128::from_str_radix(submitted, 16).ok().filter(|_| has_form) else {
            return false;
        };
        self.master.is_csrf_mac(session_id.as_uuid().as_bytes(), &presented.to_be_bytes())
    }
}
