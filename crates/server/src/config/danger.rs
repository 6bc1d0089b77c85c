//! `[danger]`: what should not be needed.

use super::settings::Settings;
use crate::failure::Problem;

/// Doors that are dangerous to open.
#[derive(Clone, Copy, Debug)]
pub struct Danger {
    /// Whether logins and forgotten passwords tell strangers who has an account.
    pub reveal_unknown_accounts: bool,
}

impl Danger {
    pub(super) fn read(settings: &Settings) -> Self {
        Self { reveal_unknown_accounts: settings.switch("danger.reveal_unknown_accounts") }
    }

    /// What is said at every start, in every mode.
    pub(super) fn warnings(self) -> Option<Problem> {
        self.reveal_unknown_accounts.then(|| {
            let sentence =
                "danger.reveal_unknown_accounts is set: strangers can find out who has an account here";
            Problem::new(sentence).help("remove it as soon as nothing needs the old answers any more")
        })
    }
}
