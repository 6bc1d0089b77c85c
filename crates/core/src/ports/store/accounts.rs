//! Accounts, made and found.

use std::fmt;

use async_trait::async_trait;

use super::StoreError;
use crate::values::{
    account::{Account, AccountId, Credentials, NewAccount},
    session::{NewSession, RevokedSession},
    username::LoginName,
};

/// Keeps accounts. What others do to them is in [`Administration`](super::Administration).
///
/// # Atomic
/// An account, its invitation (a link and the errand that mails it), what its announcer has to say and its first session
/// are there together or not at all.
///
/// # Races
/// - Of many that insert one address or one user name at once, one has it; the others are told
///   [`Insertion::Taken`], and that only of names that somebody really has.
/// - Permissions that are added at the same time are all there afterwards.
///
/// In memory: `crates/vestibule/examples/own-store/accounts.rs`.
#[async_trait]
pub trait Accounts: Send + Sync + fmt::Debug {
    /// Makes an account, and its first session where one is given, or says which name is taken.
    ///
    /// Its password is the hash it comes with; it may be used at once. The session that the first one replaces ends with
    /// the insertion, or lives on without it.
    async fn insert_account(
        &self,
        account: NewAccount,
        session: Option<NewSession>,
    ) -> Result<Insertion, StoreError>;

    /// Finds an account.
    async fn find_account(&self, id: AccountId) -> Result<Option<Account>, StoreError>;

    /// Finds what a login needs, of an account that may not be used, too.
    ///
    /// [`LoginName::Neither`] is looked up like every other name and finds nothing: how long a look-up takes should not
    /// tell a name that cannot be from one that nobody has.
    async fn find_credentials(&self, name: &LoginName) -> Result<Option<Credentials>, StoreError>;

    /// Adds a permission; `None` where there is no such account.
    async fn insert_permission(&self, id: AccountId, permission: &str)
    -> Result<Option<Account>, StoreError>;
}

/// The outcome of [`Accounts::insert_account`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "the large one is the usual one")]
pub enum Insertion {
    /// The account exists now.
    Inserted {
        /// The account.
        account: Account,
        /// The session that its first one replaced, if that was live.
        ended: Option<RevokedSession>,
    },
    /// At least one of the names belongs to somebody; nothing was written.
    Taken {
        /// The address does.
        email: bool,
        /// The user name does.
        username: bool,
    },
}
