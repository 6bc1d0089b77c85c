//! `secret_key` and its predecessors.

use vestibule::core::values::secret::SecretKey;

use super::settings::Settings;

/// The configured secrets; they do not print.
#[derive(Clone, Debug)]
pub struct Secrets {
    /// The configured key; without one it is kept in the data folder.
    pub current: Option<SecretKey>,
    /// Its predecessors.
    pub previous: Vec<SecretKey>,
}

impl Secrets {
    pub(super) fn read(settings: &Settings) -> Self {
        Self { current: settings.secret("secret_key"), previous: settings.secrets("previous_secret_keys") }
    }
}
