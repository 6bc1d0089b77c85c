//! What hooks are told: who does what to which account.

use crate::{
    logout::LogoutScope,
    values::{
        account::{Account, AccountId},
        profile::ProfileText,
        session::SessionId,
    },
};

/// Who does something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caller {
    /// The network address; empty where there is none.
    pub address: String,
    /// Whose account it is, where that is not the one that it is done to.
    pub actor_id: Option<AccountId>,
}

/// Somebody who wants an account.
#[derive(Clone, Debug)]
pub struct Registering {
    /// The e-mail address, as typed.
    pub email: String,
    /// The user name.
    pub username: Option<String>,
    /// The person's name.
    pub full_name: Option<String>,
    /// What the application will keep with the account; [`ProfileText::read`] reads it.
    pub profile: Option<ProfileText>,
    /// Who asks.
    pub caller: Caller,
}

/// Something that concerns an account.
#[derive(Clone, Debug)]
pub struct Concerning {
    /// The account, as it is at that moment.
    pub account: Account,
    /// Who does it.
    pub caller: Caller,
}

/// A login that succeeded.
#[derive(Clone, Debug)]
pub struct LogIn {
    /// Who it is.
    pub account: Account,
    /// The new session.
    pub session_id: SessionId,
    /// Where from.
    pub caller: Caller,
}

/// A logout.
#[derive(Clone, Debug)]
pub struct LogOut {
    /// Whose.
    pub account_id: AccountId,
    /// The session that asks.
    pub session_id: SessionId,
    /// Which sessions end.
    pub scope: LogoutScope,
    /// Where from.
    pub caller: Caller,
}

/// A change of a user name that is asked for.
#[derive(Clone, Debug)]
pub struct UsernameChange {
    /// The account as it is.
    pub account: Account,
    /// The name that is asked for; `None` where it shall have none.
    pub username: Option<String>,
    /// Who asks.
    pub caller: Caller,
}

/// A change of a profile that is asked for.
#[derive(Clone, Debug)]
pub struct ProfileChange {
    /// The account as it is.
    pub account: Account,
    /// The profile that is asked for; [`ProfileText::read`] reads it.
    pub profile: ProfileText,
    /// Who asks.
    pub caller: Caller,
}

/// A change of an address that is asked for.
#[derive(Clone, Debug)]
pub struct EmailChange {
    /// The account as it is.
    pub account: Account,
    /// The address that is asked for, as typed.
    pub email: String,
    /// Who asks.
    pub caller: Caller,
}

/// A new password.
#[derive(Clone, Debug)]
pub struct PasswordSetting {
    /// The account.
    pub account: Account,
    /// How it came about.
    pub reason: PasswordReason,
    /// Who does it.
    pub caller: Caller,
}

/// An account that is gone.
#[derive(Clone, Debug)]
pub struct Deletion {
    /// Whose id it was.
    pub account_id: AccountId,
    /// What it was; `None` where it went at the end of its grace.
    pub account: Option<Account>,
    /// Who has deleted it; nobody at the end of the grace.
    pub caller: Caller,
}

/// How a new password came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PasswordReason {
    /// Somebody knew the old one.
    Changed,
    /// There was none.
    First,
    /// Somebody used a mailed link or code.
    Reset,
}

/// A change that has been made.
#[derive(Clone, Debug)]
pub struct Changed {
    /// The account as it was.
    pub before: Account,
    /// The account as it is.
    pub after: Account,
    /// Who made it.
    pub caller: Caller,
}
