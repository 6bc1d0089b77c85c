//! Doors that are dangerous to open. Whoever opens one has to write its name, so that a reader stops there.

use crate::Policy;

/// Which doors are open; none by default, and only the functions of this module open one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpenDoors {
    pub(crate) reveals_unknown_accounts: bool,
}

/// Lets logins and forgotten passwords tell strangers who has an account: an unknown name is answered as such, with 404,
/// and a disabled account, after the right password, with "User is banned".
///
/// It is for applications that move over from a system which answered so and cannot do without yet.
///
/// # Security
/// Whoever can send requests can find out, a name at a time, who has an account here, and guesses at passwords of those
/// alone. The time of an answer no longer matters; limits on attempts are all that is left.
///
/// ```
/// use vestibule_core::{Policy, danger};
///
/// let policy = danger::reveal_unknown_accounts(Policy::default());
/// ```
#[must_use]
pub const fn reveal_unknown_accounts(mut policy: Policy) -> Policy {
    policy.danger.reveals_unknown_accounts = true;
    policy
}
