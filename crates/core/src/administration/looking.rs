//! What administrators look at, and what people see of their own audit log.

use super::{AdministrationError, Administrator};
use crate::{
    Auth,
    ports::{
        audit::AuditRecord,
        clock::Timestamp,
        store::{AccountPage, AccountSearch, AuditSearch, DisabledAccount, PendingDeletion, StoreError},
    },
    token::claims::AccessClaims,
    values::{
        account::{Account, AccountId},
        username::LoginName,
    },
};

/// How many accounts a page of a search has.
pub const SEARCH_PAGE: u32 = 20;
/// The last page of a search: whoever finds more has to ask for more of the name.
pub const SEARCH_PAGES: u32 = 500;
/// How many disabled accounts are listed; the last disabled are.
const DISABLED_LISTED: u32 = 10_000;

impl Auth {
    /// The notice of the last blackout, unless it has been taken down.
    ///
    /// # Errors
    /// An outage.
    pub async fn find_blackout(&self, _: &Administrator) -> Result<Option<Timestamp>, StoreError> {
        self.store.find_blackout_notice().await
    }

    /// Any account.
    ///
    /// # Errors
    /// [`AdministrationError::Unknown`], or an outage.
    pub async fn find_account(
        &self,
        _: &Administrator,
        id: AccountId,
    ) -> Result<Account, AdministrationError> {
        self.store.find_account(id).await?.ok_or(AdministrationError::Unknown)
    }

    /// When an account is deleted, where its owner asked for that.
    ///
    /// # Errors
    /// An outage.
    pub async fn find_deletion(
        &self,
        _: &Administrator,
        account: &Account,
    ) -> Result<Option<PendingDeletion>, StoreError> {
        Ok(self.credentials_of(account).await?.and_then(|found| found.deletion))
    }

    /// The account of a user name or an address.
    ///
    /// # Errors
    /// [`AdministrationError::Unknown`], or an outage.
    pub async fn find_account_by_name(
        &self,
        _: &Administrator,
        name: &LoginName,
    ) -> Result<Account, AdministrationError> {
        let found = self.store.find_credentials(name).await?;
        found.map(|credentials| credentials.account).ok_or(AdministrationError::Unknown)
    }

    /// Accounts in the order they were made in, at most 100.
    ///
    /// # Errors
    /// An outage.
    pub async fn list_accounts(
        &self,
        _: &Administrator,
        skip: u32,
        limit: u32,
    ) -> Result<Vec<Account>, StoreError> {
        self.store.list_accounts(skip, limit).await
    }

    /// The `page`th page, from 1 to [`SEARCH_PAGES`], of the accounts whose user name contains a text.
    ///
    /// # Errors
    /// An outage.
    pub async fn search_accounts(
        &self,
        _: &Administrator,
        username: &str,
        page: u32,
    ) -> Result<AccountPage, StoreError> {
        let skip = page.saturating_sub(1).saturating_mul(SEARCH_PAGE);
        let bound = SEARCH_PAGE * SEARCH_PAGES;
        let search = AccountSearch { username: username.to_owned(), skip, limit: SEARCH_PAGE, bound };
        self.store.search_accounts(search).await
    }

    /// Disabled accounts, the last disabled first, and whether each was disabled within the lifetime of an access token.
    ///
    /// # Errors
    /// An outage.
    pub async fn list_disabled_accounts(
        &self,
        _: &Administrator,
    ) -> Result<Vec<(DisabledAccount, bool)>, StoreError> {
        let recently = self.clock.now().minus(self.policy.tokens.access_ttl);
        let disabled = self.store.list_disabled_accounts(DISABLED_LISTED).await?;
        Ok(disabled
            .into_iter()
            .map(|account| {
                let is_recent = account.disabled_at > recently;
                (account, is_recent)
            })
            .collect())
    }

    /// Audit events, the newest first.
    ///
    /// # Errors
    /// An outage.
    pub async fn search_audit(
        &self,
        _: &Administrator,
        search: AuditSearch,
    ) -> Result<Vec<AuditRecord>, StoreError> {
        self.store.search_audit(search).await
    }

    /// The audit events of the token's own account, the newest first; where somebody else did it, without where from.
    ///
    /// # Errors
    /// An outage.
    pub async fn list_own_activity(
        &self,
        claims: &AccessClaims,
        limit: u32,
    ) -> Result<Vec<AuditRecord>, StoreError> {
        let own = claims.account_id;
        let mut events = self.store.list_audit(Some(own), limit).await?;
        for event in &mut events {
            event.hide_others(own);
        }
        Ok(events)
    }
}
