//! `[usernames]`: rules for user names.

use super::settings::Settings;
use crate::failure::Problem;

/// The rules.
#[derive(Clone, Debug)]
pub struct Usernames {
    /// The least length.
    pub min_length: usize,
    /// The greatest length.
    pub max_length: usize,
    /// Names nobody may take, in lower case.
    pub reserved: Vec<String>,
}

impl Usernames {
    pub(super) fn read(settings: &Settings, problems: &mut Vec<Problem>) -> Self {
        let size = |name| settings.count(name).and_then(|count| usize::try_from(count).ok());
        let usernames = Self {
            min_length: size("usernames.min_length").unwrap_or(3),
            max_length: size("usernames.max_length").unwrap_or(20),
            reserved: settings.list("usernames.reserved").iter().map(|name| name.to_lowercase()).collect(),
        };
        if usernames.min_length > usernames.max_length {
            problems.push(Problem::new("usernames.min_length is greater than usernames.max_length"));
        }
        usernames
    }
}
