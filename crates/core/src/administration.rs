//! What administrators do with accounts, and what people see of their own audit log.
//!
//! Stores what is done and an audit event that names who did it. Nothing is done without an [`Administrator`], which only a
//! look into the store makes: the permission `admin` counts as it is now, whatever an older token says. Nobody can
//! disable, demote or delete the last active administrator, themselves included; the operator at the command line can,
//! who can make another one.

use std::sync::Arc;

use crate::{
    Auth,
    detach::to_the_end,
    ports::{
        audit::{AuditEvent, AuditKind, AuditOutcome, AuditRecord},
        clock::Timestamp,
        store::{
            AccountChange, AccountChanged, AccountDeleted, AccountDeletion, AccountPage, AccountSearch,
            Activity, AuditSearch, DisabledAccount, PermissionChange, StoreError,
        },
    },
    token::{TokenError, claims::AccessClaims},
    values::{
        account::{Account, AccountId, FullName},
        client::Client,
        email::Email,
        rule::RuleViolation,
        scope::{ADMIN, Scopes},
        username::LoginName,
    },
};

/// How many accounts a page of a search has.
pub const SEARCH_PAGE: u32 = 20;
/// The last page of a search: whoever finds more has to ask for more of the name.
pub const SEARCH_PAGES: u32 = 500;
/// How many disabled accounts are listed; the last disabled are.
const DISABLED_LISTED: u32 = 10_000;
/// What an account's permissions may take together, in bytes: as much as a token holds.
const MAX_PERMISSIONS: usize = 1536;

/// Somebody who may administrate.
///
/// # Security
/// Made by [`Auth::find_administrator`] alone, and for the operator of the machine.
#[derive(Clone, Debug)]
pub struct Administrator {
    account_id: Option<AccountId>,
    address: String,
}

impl Administrator {
    /// The operator of the machine, at the command line.
    #[must_use]
    pub const fn operator() -> Self {
        Self { account_id: None, address: String::new() }
    }

    /// Whose account it is; `None` for the operator.
    #[must_use]
    pub const fn account_id(&self) -> Option<AccountId> {
        self.account_id
    }

    const fn is_operator(&self) -> bool {
        self.account_id.is_none()
    }

    fn event(&self, at: Timestamp, kind: AuditKind, about: Option<AccountId>) -> AuditEvent {
        AuditEvent {
            at,
            kind,
            outcome: AuditOutcome::Success,
            account_id: about,
            actor_id: self.account_id,
            session_id: None,
            address: self.address.clone(),
            detail: if self.is_operator() { "operator" } else { "" },
        }
    }
}

/// Why somebody is no administrator.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotAdministrator {
    /// The account lacks the permission.
    #[error("the account may not administrate")]
    Forbidden,
    /// The account is gone or disabled, or the store could not answer.
    #[error(transparent)]
    Token(#[from] TokenError),
}

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdministrationError {
    /// There is no such account.
    #[error("there is no such account")]
    Unknown,
    /// Nobody would be left who may administrate.
    #[error("this is the last active administrator")]
    LastAdmin,
    /// A value breaks a rule; never empty.
    #[error("{} rules are broken", .0.len())]
    Rules(Vec<RuleViolation>),
    /// At least one of the names belongs to somebody else.
    #[error("a name is taken")]
    Taken {
        /// The address does.
        email: bool,
        /// The user name does.
        username: bool,
    },
    /// The store could not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What an administrator wants changed about an account, as typed; `None` leaves a thing as it is.
#[derive(Clone, Debug, Default)]
pub struct AccountPatch {
    /// The address.
    pub email: Option<String>,
    /// The user name, or that there is none.
    pub username: Option<Option<String>>,
    /// The person's name, or that there is none.
    pub full_name: Option<Option<String>>,
    /// Whether the account may be used.
    pub active: Option<bool>,
    /// Whether the address counts as proved; a new address does not unless this says so.
    pub confirmed: Option<bool>,
    /// All that the account may do.
    pub permissions: Option<Scopes>,
}

impl Auth {
    /// Makes sure that a token's account may administrate, as the store says now.
    ///
    /// # Errors
    /// [`NotAdministrator`].
    pub async fn find_administrator(
        &self,
        claims: &AccessClaims,
        client: &Client,
    ) -> Result<Administrator, NotAdministrator> {
        let account = self.find_current_account(claims).await?;
        if !account.permissions.contains(ADMIN) {
            return Err(NotAdministrator::Forbidden);
        }
        Ok(Administrator { account_id: Some(account.id), address: client.address.to_string() })
    }

    /// Disables or enables an account. Disabled, it is out of every door at once, and its sessions stay dead when it is
    /// enabled again.
    ///
    /// # Errors
    /// [`AdministrationError`].
    pub async fn set_active(
        self: &Arc<Self>,
        admin: &Administrator,
        id: AccountId,
        activity: Activity,
    ) -> Result<Account, AdministrationError> {
        let change = AccountChange { active: Some(activity), ..self.change_of(admin, id) };
        self.change(admin.clone(), change, AuditKind::Ban).await
    }

    /// Adds, removes or replaces permissions; tokens have the new ones after their next refresh.
    ///
    /// # Errors
    /// [`AdministrationError`].
    pub async fn change_permissions(
        self: &Arc<Self>,
        admin: &Administrator,
        id: AccountId,
        permissions: PermissionChange,
    ) -> Result<Account, AdministrationError> {
        if let PermissionChange::Add(names) | PermissionChange::Set(names) = &permissions {
            check_permissions(names).map_err(|broken| AdministrationError::Rules(vec![broken]))?;
        }
        let change = AccountChange { permissions: Some(permissions), ..self.change_of(admin, id) };
        self.change(admin.clone(), change, AuditKind::PermissionChange).await
    }

    /// Changes whatever a patch names, all of it or nothing.
    ///
    /// # Errors
    /// [`AdministrationError`].
    pub async fn patch_account(
        self: &Arc<Self>,
        admin: &Administrator,
        id: AccountId,
        patch: AccountPatch,
    ) -> Result<Account, AdministrationError> {
        let change = self.read_patch(self.change_of(admin, id), patch).map_err(AdministrationError::Rules)?;
        self.change(admin.clone(), change, AuditKind::AccountChange).await
    }

    fn change_of(&self, admin: &Administrator, id: AccountId) -> AccountChange {
        AccountChange { keeps_an_admin: !admin.is_operator(), ..AccountChange::of(id, self.clock.now()) }
    }

    /// Checks every rule, so that all is mended at once.
    fn read_patch(
        &self,
        change: AccountChange,
        patch: AccountPatch,
    ) -> Result<AccountChange, Vec<RuleViolation>> {
        let mut broken = Vec::new();
        let mut note = |violation| broken.push(violation);
        let email = patch.email.map(|email| Email::parse(&email).map_err(&mut note));
        let rules = &self.policy.usernames;
        let username = patch.username.map(|name| name.map(|name| rules.parse(&name)).transpose());
        let username = username.map(|parsed| parsed.map_err(&mut note));
        let full_name = patch.full_name.map(|name| FullName::parse(name.as_deref().unwrap_or_default()));
        let full_name = full_name.map(|parsed| parsed.map_err(&mut note));
        if let Some(Err(violation)) = patch.permissions.as_ref().map(check_permissions) {
            note(violation);
        }
        if !broken.is_empty() {
            return Err(broken);
        }
        let activity = |active| if active { Activity::Enabled } else { Activity::Disabled };
        Ok(AccountChange {
            email: email.and_then(Result::ok),
            username: username.and_then(Result::ok),
            full_name: full_name.and_then(Result::ok),
            active: patch.active.map(activity),
            confirmed: patch.confirmed,
            permissions: patch.permissions.map(PermissionChange::Set),
            ..change
        })
    }

    /// The one place where an account is changed for somebody else.
    async fn change(
        self: &Arc<Self>,
        admin: Administrator,
        change: AccountChange,
        kind: AuditKind,
    ) -> Result<Account, AdministrationError> {
        let auth = Arc::clone(self);
        to_the_end(async move {
            let (id, now) = (change.id, change.now);
            match auth.store.change_account(change).await? {
                AccountChanged::Changed { before, after, cutoff } => {
                    if let Some(cutoff) = cutoff {
                        auth.revocations.learn_cutoff(cutoff);
                    }
                    auth.record_change(&admin, kind, &before, &after, now);
                    Ok(after)
                }
                AccountChanged::Taken { email, username } => {
                    Err(AdministrationError::Taken { email, username })
                }
                AccountChanged::LastAdmin => Err(auth.refuse_last_admin(&admin, kind, id)),
                AccountChanged::Unknown => Err(AdministrationError::Unknown),
            }
        })
        .await
    }

    /// An event for each thing that a reader of the log would look for by itself.
    fn record_change(
        &self,
        admin: &Administrator,
        kind: AuditKind,
        before: &Account,
        after: &Account,
        now: Timestamp,
    ) {
        let mut kinds = Vec::new();
        if before.active != after.active {
            kinds.push(if after.active { AuditKind::Unban } else { AuditKind::Ban });
        }
        if before.permissions != after.permissions {
            kinds.push(AuditKind::PermissionChange);
        }
        if kind == AuditKind::AccountChange {
            kinds.push(kind);
        }
        for kind in kinds {
            self.audit.record(admin.event(now, kind, Some(after.id)));
        }
    }

    fn refuse_last_admin(
        &self,
        admin: &Administrator,
        kind: AuditKind,
        id: AccountId,
    ) -> AdministrationError {
        let event = admin.event(self.clock.now(), kind, Some(id));
        self.audit.record(AuditEvent { outcome: AuditOutcome::Failure, detail: "last_admin", ..event });
        AdministrationError::LastAdmin
    }

    /// Deletes an account; its sessions and whatever was mailed to it are dead at once.
    ///
    /// # Errors
    /// [`AdministrationError`].
    pub async fn delete_account(
        self: &Arc<Self>,
        admin: &Administrator,
        id: AccountId,
    ) -> Result<Account, AdministrationError> {
        let (auth, admin) = (Arc::clone(self), admin.clone());
        to_the_end(async move {
            let now = auth.clock.now();
            let deletion = AccountDeletion { id, keeps_an_admin: !admin.is_operator(), now };
            match auth.store.delete_account(deletion).await? {
                AccountDeleted::Deleted { account, ended } => {
                    auth.revocations.learn_sessions(&ended);
                    metrics::counter!("vestibule_sessions_ended_total").increment(ended.len() as u64);
                    auth.audit.record(admin.event(now, AuditKind::AccountDeletion, Some(id)));
                    Ok(account)
                }
                AccountDeleted::LastAdmin => {
                    Err(auth.refuse_last_admin(&admin, AuditKind::AccountDeletion, id))
                }
                AccountDeleted::Unknown => Err(AdministrationError::Unknown),
            }
        })
        .await
    }

    /// Ends every session of an account that has begun, for good; it may log in anew.
    ///
    /// # Errors
    /// [`AdministrationError::Unknown`], or an outage.
    pub async fn kick(
        self: &Arc<Self>,
        admin: &Administrator,
        id: AccountId,
    ) -> Result<(), AdministrationError> {
        let (auth, admin) = (Arc::clone(self), admin.clone());
        to_the_end(async move {
            let now = auth.clock.now();
            let cutoff = auth.store.cut_off_account(id, now).await?.ok_or(AdministrationError::Unknown)?;
            auth.revocations.learn_cutoff(cutoff);
            auth.audit.record(admin.event(now, AuditKind::Kick, Some(id)));
            Ok(())
        })
        .await
    }

    /// Ends every session of everybody, the caller's too, and puts up a notice of it.
    ///
    /// # Errors
    /// An outage.
    pub async fn black_out(self: &Arc<Self>, admin: &Administrator) -> Result<Timestamp, StoreError> {
        let (auth, admin) = (Arc::clone(self), admin.clone());
        to_the_end(async move {
            let now = auth.clock.now();
            let cutoff = auth.store.black_out(now).await?;
            auth.revocations.learn_global_cutoff(cutoff);
            auth.audit.record(admin.event(now, AuditKind::Blackout, None));
            Ok(cutoff)
        })
        .await
    }

    /// The notice of the last blackout, unless it has been taken down.
    ///
    /// # Errors
    /// An outage.
    pub async fn find_blackout(&self, _: &Administrator) -> Result<Option<Timestamp>, StoreError> {
        self.store.find_blackout_notice().await
    }

    /// Takes the notice of the last blackout down. Nothing that it ended comes back.
    ///
    /// # Errors
    /// An outage.
    pub async fn clear_blackout(&self, admin: &Administrator) -> Result<(), StoreError> {
        if self.store.delete_blackout_notice().await? {
            self.audit.record(admin.event(self.clock.now(), AuditKind::BlackoutCleared, None));
        }
        Ok(())
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
        for event in events.iter_mut().filter(|event| event.actor_id.is_some_and(|actor| actor != own)) {
            event.address.clear();
        }
        Ok(events)
    }
}

fn check_permissions(names: &Scopes) -> Result<(), RuleViolation> {
    if names.iter().map(|name| name.len() + 3).sum::<usize>() <= MAX_PERMISSIONS {
        return Ok(());
    }
    let message = "The permissions are too many to fit into a token";
    Err(RuleViolation::new("permissions", "permissions_too_long", message))
}
