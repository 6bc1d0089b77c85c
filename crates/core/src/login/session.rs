//! The session that a login opens: when it is born and ends, what its device is known by, which tokens it begins with.

use std::time::Duration;

use super::{LoggedIn, LoginAttempt, LoginError, Verified};
use crate::{
    Auth,
    gate::Attempt,
    hooks::After,
    ports::{
        clock::Timestamp,
        store::{Opening, SessionOpening},
    },
    token::{Issue, SigningError},
    values::{
        account::{Account, AccountId},
        client::Client,
        device::{Device, DeviceToken},
        scope::Scopes,
        session::{NewSession, SessionId},
    },
};

/// The generation of a session's first refresh token.
const FIRST_GENERATION: u64 = 0;

/// What a session begins with.
pub(crate) struct Birth {
    pub(crate) account_id: AccountId,
    pub(crate) scope: Scopes,
    /// Sessions begun at or before this moment are dead.
    pub(crate) cutoff_at: Timestamp,
    pub(crate) client: Client,
}

impl Auth {
    /// Opens the session; `None` where the account was banned, deleted or given another hash meanwhile.
    pub(super) async fn open_session(
        &self,
        admitted: &Attempt,
        verified: Verified,
        attempt: &LoginAttempt,
    ) -> Result<Option<LoggedIn>, LoginError> {
        let Verified { credentials, hash } = verified;
        let account = &credentials.account;
        let scope = attempt.scope.intersection(&self.policy.tokens.scopes).intersection(&account.permissions);
        let birth = Birth {
            account_id: account.id,
            scope,
            cutoff_at: credentials.cutoff_at,
            client: attempt.client.clone(),
        };
        let session = NewSession { replaces: attempt.replaces, ..self.new_session(admitted, birth) };
        // A clock that is behind the one of a reset must not make a stranger of a device that logs in after it.
        let born = session.created_at;
        let token = attempt.device.after_login(&self.master, account.id, born);
        let device =
            token.as_ref().map_or_else(|| Device::of_program(&self.master, &attempt.client), DeviceToken::id);
        let session = NewSession { device: Some(device), ..session };
        let arrival = self.arrival(&credentials, attempt, token.as_ref(), born)?;
        let opening = SessionOpening {
            session: session.clone(),
            verified: hash,
            arrival: Some(arrival),
            limit: self.policy.tokens.sessions_per_account,
        };
        match self.store.open_session(opening).await? {
            Opening::Opened { account, ended, is_told } => {
                if is_told {
                    self.wake_outbox();
                }
                self.revocations.learn_sessions(&ended);
                metrics::counter!("vestibule_sessions_opened_total").increment(1);
                metrics::counter!("vestibule_sessions_ended_total").increment(ended.len() as u64);
                let login = self.hand_out(account, &session, token)?;
                self.tell_hooks(|| After::Login(login.event(&attempt.client))).await;
                Ok(Some(login))
            }
            Opening::Refused => Ok(None),
        }
    }

    /// A session born now, or just after the last cut-off where that lies ahead of this machine's clock.
    ///
    /// # Security
    /// It takes what only the gate gives, so that no way in forgets to count.
    pub(crate) fn new_session(&self, _: &Attempt, birth: Birth) -> NewSession {
        let Birth { account_id, scope, cutoff_at, client } = birth;
        let policy = &self.policy.tokens;
        let created_at = self.clock.now().max(cutoff_at.plus(Duration::from_millis(1)));
        let ends_at = created_at.plus(policy.refresh_max);
        NewSession {
            id: SessionId::new(created_at),
            account_id,
            scope,
            created_at,
            expires_at: created_at.plus(policy.refresh_ttl).min(ends_at),
            ends_at,
            access_until: created_at.plus(policy.access_reach()),
            client,
            device: None,
            replaces: None,
        }
    }

    /// The tokens of a session that has just been opened, and what its device is to keep.
    pub(crate) fn hand_out(
        &self,
        account: Account,
        session: &NewSession,
        device: Option<DeviceToken>,
    ) -> Result<LoggedIn, SigningError> {
        let tokens = self.issue_tokens(&Issue {
            at: self.clock.now(),
            account: &account,
            session_id: session.id,
            generation: FIRST_GENERATION,
            scope: &session.scope,
            authenticated_at: session.created_at,
            expires_at: session.expires_at,
        })?;
        Ok(LoggedIn { account, session_id: session.id, tokens, device })
    }
}
