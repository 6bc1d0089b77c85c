//! One's own data, to be taken away.
//!
//! Stores an audit event that says so. Steered by `throttle.exports` and `throttle.export_window`. Whatever is about the
//! account and not a secret is in it: the account, its live sessions and known devices, all of its audit events, page by page, so that no
//! log is too long for the memory. Not in it are the password's hash, tokens, and letters that wait to be sent, which hold
//! links. Defends against making the database read without end; whoever holds a session can take it all, so it is written
//! down.

use std::{sync::Arc, time::Duration};

use uuid::Uuid;

use crate::{
    Auth,
    gate::GateError,
    ports::{
        audit::{AuditEvent, AuditKind, AuditOutcome, AuditRecord},
        clock::Timestamp,
        store::{AuditPage, Avatar, KnownDevice, StoreError},
    },
    token::{TokenError, claims::AccessClaims},
    values::{
        account::{Account, AccountId},
        client::Client,
        language::Language,
        session::Session,
    },
};

/// How many audit events are read at once.
const PAGE: u32 = 500;

/// What belongs to an account.
#[derive(Debug)]
pub struct Export {
    /// When it was looked at.
    pub at: Timestamp,
    /// The account.
    pub account: Account,
    /// Whether it has a password.
    pub has_password: bool,
    /// The language its owner is written to in, where they asked for one.
    pub language: Option<Language>,
    /// Its live sessions, the newest first.
    pub sessions: Vec<Session>,
    /// The devices by which it is known, the newest first.
    pub known_devices: Vec<KnownDevice>,
    /// Its picture.
    pub avatar: Option<Avatar>,
    /// Its audit events.
    pub activity: ActivityPages,
}

/// The audit events of an account, the newest first, a page at a time.
#[derive(Debug)]
pub struct ActivityPages {
    auth: Arc<Auth>,
    account_id: AccountId,
    /// A page that has been read already.
    first: Option<Vec<AuditRecord>>,
    before: Option<(Timestamp, Uuid)>,
    is_over: bool,
}

/// Why nothing is exported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// Enough has been exported for now.
    #[error("too many exports; again in {} s", retry_after.as_secs())]
    RateLimited {
        /// When the window ends.
        retry_after: Duration,
    },
    /// The account is gone or disabled, or the store could not answer.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The store could not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Auth {
    /// What belongs to the token's account.
    ///
    /// # Errors
    /// [`ExportError`].
    pub async fn export(
        self: &Arc<Self>,
        claims: &AccessClaims,
        client: &Client,
    ) -> Result<Export, ExportError> {
        let attempt = self.admit_export(claims.account_id).await.map_err(|refusal| match refusal {
            GateError::Closed { retry_after, .. } => ExportError::RateLimited { retry_after },
            GateError::Store(error) => error.into(),
        })?;
        let outcome = self.gather(claims).await;
        match &outcome {
            Ok(export) => self.audit.record(AuditEvent {
                at: export.at,
                kind: AuditKind::Export,
                outcome: AuditOutcome::Success,
                account_id: Some(claims.account_id),
                actor_id: None,
                session_id: Some(claims.session_id),
                address: client.address.to_string(),
                detail: "",
            }),
            Err(_) => self.give_back(attempt).await,
        }
        outcome
    }

    async fn gather(self: &Arc<Self>, claims: &AccessClaims) -> Result<Export, ExportError> {
        let at = self.clock.now();
        let account = self.find_current_account(claims).await?;
        let credentials = self.credentials_of(&account).await?;
        let sessions = self.store.list_sessions(account.id, at).await?;
        let known_devices = self.store.list_known_devices(account.id, at).await?;
        let avatar = self.store.find_avatar(account.id).await?;
        let mut activity = ActivityPages {
            auth: Arc::clone(self),
            account_id: account.id,
            first: None,
            before: None,
            is_over: false,
        };
        activity.first = Some(activity.read_on().await?);
        Ok(Export {
            at,
            has_password: credentials.as_ref().is_some_and(|found| found.password_hash.is_some()),
            language: credentials.and_then(|found| found.language),
            account,
            sessions,
            known_devices,
            avatar,
            activity,
        })
    }
}

impl ActivityPages {
    /// The next page; `None` where there is none.
    ///
    /// # Errors
    /// An outage: what came before is not all.
    pub async fn next(&mut self) -> Result<Option<Vec<AuditRecord>>, StoreError> {
        match self.first.take() {
            Some(page) => Ok(Some(page)),
            None if self.is_over => Ok(None),
            None => self.read_on().await.map(Some),
        }
    }

    async fn read_on(&mut self) -> Result<Vec<AuditRecord>, StoreError> {
        let page = AuditPage { account_id: self.account_id, before: self.before, limit: PAGE };
        let mut events = self.auth.store.page_audit(page).await?;
        self.is_over = events.len() < PAGE as usize;
        self.before = events.last().map(|event| (event.at, event.id));
        for event in &mut events {
            event.hide_others(self.account_id);
        }
        Ok(events)
    }
}
