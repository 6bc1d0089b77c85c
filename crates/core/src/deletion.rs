//! Deleting one's own account: asked for with the password, done after a grace.
//!
//! Stores on the account when it goes. From the request on it is out of use: its sessions have ended, nobody logs in, its
//! names stay taken. When its time has come, the upkeep removes it with everything that is its own. Until then its owner
//! takes it back by logging in and saying so, and an administrator by enabling it; one who disables it takes that way
//! from the owner. Steered by `accounts.deletion_grace` and the login limit.
//!
//! Defends against who holds a session but not the password, and against doing it by mistake. An account without a
//! password has to be given one first, by its session or by a mailed link: of both its owner is told by mail.

use std::sync::Arc;

use crate::{
    Auth,
    confirmation::recipient,
    detach::to_the_end,
    hooks::{After, Before},
    password_change::{LoggedInAs, PasswordChangeError},
    ports::{
        audit::{AuditEvent, AuditKind, AuditOutcome},
        clock::Timestamp,
        hooks::{Caller, Concerning, Deletion, HookError},
        notifier::EventKind,
        store::{DeletionRequest, DeletionRequested, NewErrand, StoreError},
    },
    token::{TokenError, claims::AccessClaims},
    values::{
        account::{Account, AccountId},
        client::Client,
        message::Content,
        password::Password,
    },
};

/// How many accounts are removed in one transaction: each takes its sessions, its links and the parts of its name along.
const BATCH: u32 = 20;

/// Why an account stays.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DeletionError {
    /// There is no password to ask for.
    #[error("the account has no password")]
    NoPassword,
    /// The password is wrong, or could not be verified.
    #[error(transparent)]
    Password(#[from] PasswordChangeError),
    /// The application does not want it, or could not be asked.
    #[error(transparent)]
    Hook(#[from] HookError),
    /// Nobody would be left who may administrate.
    #[error("this is the last active administrator")]
    LastAdmin,
    /// The account is gone or disabled, or the store could not answer.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The store could not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Auth {
    /// Asks for the deletion of the token's own account; says when it is deleted.
    ///
    /// # Errors
    /// [`DeletionError`].
    ///
    /// # Security
    /// A guess at the password counts like a login.
    pub async fn request_deletion(
        self: &Arc<Self>,
        claims: &AccessClaims,
        password: Password,
        client: &Client,
    ) -> Result<Timestamp, DeletionError> {
        let account = self.find_current_account(claims).await?;
        if !self.has_password(&account).await? {
            return Err(DeletionError::NoPassword);
        }
        let session = LoggedInAs { account: &account, session_id: claims.session_id, client };
        let verified = self.verify_again(session, password, AuditKind::DeletionRequested).await?;
        self.ask_hooks(|| Before::AccountDeletion(Concerning::of(&account, Caller::of(client)))).await?;
        let now = self.clock.now();
        let deletes_at = now.plus(self.policy.accounts.deletion_grace);
        let letter = self.farewell(&account, now, deletes_at).await?;
        let disabled = Account { active: false, ..account.clone() };
        let announced = self.announce(EventKind::Disabled, &disabled, now)?;
        let errands = letter.into_iter().chain(announced).collect();
        let request = DeletionRequest { id: account.id, verified, deletes_at, errands, now };
        let event = AuditEvent {
            at: now,
            kind: AuditKind::DeletionRequested,
            outcome: AuditOutcome::Success,
            account_id: Some(account.id),
            actor_id: None,
            session_id: Some(claims.session_id),
            address: client.address.to_string(),
            detail: "",
        };
        let auth = Arc::clone(self);
        let asked = Concerning::of(&account, Caller::of(client));
        to_the_end(async move {
            let outcome = auth.put_out_of_use(request, event).await;
            if outcome.is_ok() {
                auth.tell_hooks(|| After::DeletionRequested(asked)).await;
            }
            outcome
        })
        .await
    }

    async fn put_out_of_use(
        &self,
        request: DeletionRequest,
        event: AuditEvent,
    ) -> Result<Timestamp, DeletionError> {
        let (now, deletes_at) = (request.now, request.deletes_at);
        match self.store.request_deletion(request).await? {
            DeletionRequested::Pending(cutoff) => self.revocations.learn_cutoff(cutoff),
            DeletionRequested::LastAdmin => {
                self.audit.record(AuditEvent {
                    outcome: AuditOutcome::Failure,
                    detail: "last_admin",
                    ..event
                });
                return Err(DeletionError::LastAdmin);
            }
            // Where it has another password by now, the one that was verified is wrong by now.
            DeletionRequested::Refused => return Err(PasswordChangeError::Wrong.into()),
        }
        self.wake_outbox();
        self.audit.record(event);
        if deletes_at <= now
            && let Err(error) = self.delete_due_accounts().await
        {
            tracing::warn!(%error, "an account could not be deleted at once; the upkeep will try again");
        }
        Ok(deletes_at)
    }

    /// The letter that tells of the deletion. It belongs to no account, so that it outlives this one.
    async fn farewell(
        &self,
        account: &Account,
        now: Timestamp,
        deletes_at: Timestamp,
    ) -> Result<Option<NewErrand>, StoreError> {
        let language = self.credentials_of(account).await?.and_then(|found| found.language);
        let until = (deletes_at > now).then(|| deletes_at.as_millis());
        let letter = self.letter(recipient(account, language), now, Content::AccountDeletion { until })?;
        Ok(letter.map(|errand| NewErrand { account_id: None, ..errand }))
    }

    /// Brings an account back for its owner, who has just given the right password; `false` where it cannot be any more.
    pub(crate) async fn restore(
        self: &Arc<Self>,
        id: AccountId,
        client: &Client,
    ) -> Result<bool, StoreError> {
        let (auth, address) = (Arc::clone(self), client.address.to_string());
        to_the_end(async move {
            let now = auth.clock.now();
            let is_restored = auth.store.restore_account(id, now, auth.announcer(now)).await?.is_some();
            if is_restored {
                auth.wake_outbox();
                auth.audit.record(AuditEvent {
                    at: now,
                    kind: AuditKind::AccountRestored,
                    outcome: AuditOutcome::Success,
                    account_id: Some(id),
                    actor_id: None,
                    session_id: None,
                    address,
                    detail: "",
                });
            }
            Ok(is_restored)
        })
        .await
    }

    /// Deletes every account whose time has come; says how many.
    ///
    /// The background work does this by itself; it is for commands, and for tests on a clock of their own.
    ///
    /// # Errors
    /// An outage.
    pub async fn delete_due_accounts(&self) -> Result<u64, StoreError> {
        let now = self.clock.now();
        let mut total = 0;
        loop {
            let deleted = self.store.delete_due_accounts(now, BATCH, self.announcer(now)).await?;
            self.wake_outbox();
            for account in &deleted {
                self.revocations.learn_sessions(&account.ended);
                self.audit.record(AuditEvent::of_operator(
                    now,
                    AuditKind::AccountDeletion,
                    Some(account.id),
                    "grace_over",
                ));
                let gone = || Deletion { account_id: account.id, account: None, caller: Caller::default() };
                self.tell_hooks(|| After::AccountDeletion(gone())).await;
            }
            total += deleted.len() as u64;
            if deleted.len() < BATCH as usize {
                return Ok(total);
            }
            tokio::time::sleep(crate::upkeep::CLEAN_BREATH).await;
        }
    }
}
