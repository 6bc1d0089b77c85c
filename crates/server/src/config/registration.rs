//! `[registration]`: making accounts.

use super::{mail::MailMode, settings::Settings};
use crate::failure::Problem;

/// Who may make an account.
#[derive(Clone, Debug)]
pub struct Registration {
    /// Whether people may make accounts themselves.
    pub enabled: bool,
    /// Whether nobody logs in before they have confirmed their address.
    pub require_confirmation: bool,
}

impl Registration {
    pub(super) fn read(settings: &Settings) -> Self {
        Self {
            enabled: settings.switch("registration.enabled"),
            require_confirmation: settings.switch("registration.require_confirmation"),
        }
    }

    pub(super) fn check(&self, mail: &MailMode, problems: &mut Vec<Problem>) {
        if self.require_confirmation && matches!(mail, MailMode::Off) {
            let sentence = "registration.require_confirmation needs mail, and mail.mode is \"off\"";
            problems.push(Problem::new(sentence).help("nobody could confirm their address: set smtp.host"));
        }
    }
}
