//! The first administrator: made on a page whose address a new server prints.
//!
//! Stores the digest of one token, in the place of the one before; the token is printed once and kept nowhere. Steered
//! by [`SETUP_TTL`] and, like every guess at a secret, by `throttle.login_attempts`. Defends against a race for a new
//! server: whoever finds it first is nobody without the token, two posts at once make one administrator, and where there is
//! an administrator the link makes none, however that one came to be.

use std::{fmt, sync::Arc, time::Duration};

use crate::{
    Auth,
    detach::to_the_end,
    gate::GateError,
    new_password::NewPassword,
    ports::{
        audit::{AuditEvent, AuditKind},
        clock::Timestamp,
        hasher::HashError,
        store::{Insertion, StoreError},
    },
    values::{
        account::{Account, AccountId, NewAccount},
        client::Client,
        device::Device,
        email::Email,
        link::LinkDigest,
        password::Password,
        rule::RuleViolation,
        scope::{ADMIN, Scopes},
        username::Username,
    },
};

/// How long the link is good.
pub const SETUP_TTL: Duration = Duration::from_hours(1);

/// A link that makes the first administrator; it does not print.
pub struct SetupLink {
    /// Where the page is.
    pub url: String,
    /// When the link ends.
    pub expires_at: Timestamp,
}

impl fmt::Debug for SetupLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SetupLink").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// Somebody who sets the server up.
#[derive(Debug)]
pub struct FirstAdmin {
    /// The e-mail address, as typed.
    pub email: String,
    /// The user name, as typed; reserved ones are allowed.
    pub username: String,
    /// The password.
    pub password: Password,
    /// The password again.
    pub repeated: Password,
}

/// Why there is no first administrator.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// The link is unknown, used, expired or superseded, or there is an administrator: which, nobody is told.
    #[error("the link is not good")]
    Refused,
    /// Too many guesses from this network.
    #[error("too many attempts; again in {} s", retry_after.as_secs())]
    RateLimited {
        /// When the window ends.
        retry_after: Duration,
    },
    /// A name or the password breaks a rule; never empty. The link is still good.
    #[error("{} rules are broken", .0.len())]
    Rules(Vec<RuleViolation>),
    /// At least one of the names belongs to somebody. The link is still good.
    #[error("a name is taken")]
    Taken {
        /// The address does.
        email: bool,
        /// The user name does.
        username: bool,
    },
    /// The password could not be hashed; the link is still good.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The store could not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<GateError> for SetupError {
    fn from(error: GateError) -> Self {
        match error {
            GateError::Closed { retry_after, .. } => Self::RateLimited { retry_after },
            GateError::Store(error) => Self::Store(error),
        }
    }
}

impl Auth {
    /// Makes the link in the place of an older one; `None` where there is an administrator.
    ///
    /// # Errors
    /// The outage.
    ///
    /// # Security
    /// Whoever has the link may do everything. Show it to the operator alone.
    pub async fn issue_setup_link(&self) -> Result<Option<SetupLink>, StoreError> {
        let (token, digest) = LinkDigest::of_new_token();
        let expires_at = self.clock.now().plus(SETUP_TTL);
        let is_issued = self.store.issue_setup_link(digest, expires_at).await?;
        let url = format!("{}/setup/{token}", self.policy.mail.public_url);
        Ok(is_issued.then_some(SetupLink { url, expires_at }))
    }

    /// Whether a link is good.
    ///
    /// # Errors
    /// The outage.
    pub async fn is_setup_link_good(&self, token: &str) -> Result<bool, StoreError> {
        match LinkDigest::of_token(token) {
            Some(digest) => self.store.is_setup_link_good(digest, self.clock.now()).await,
            None => Ok(false),
        }
    }

    /// Makes the first administrator; their address counts as proved, since they own the machine.
    ///
    /// # Errors
    /// [`SetupError`]; every broken rule is named.
    ///
    /// # Security
    /// It is counted before the work. What is wrong with the form costs nothing, a link that is not good does.
    pub async fn set_up(
        self: &Arc<Self>,
        token: &str,
        admin: FirstAdmin,
        client: &Client,
    ) -> Result<Account, SetupError> {
        let attempt = self.knock(client.network()).await?.into_attempt();
        let outcome = self.make_first_admin(token, admin, client).await;
        if !matches!(outcome, Err(SetupError::Refused)) {
            self.give_back(attempt).await;
        }
        outcome
    }

    async fn make_first_admin(
        self: &Arc<Self>,
        token: &str,
        admin: FirstAdmin,
        client: &Client,
    ) -> Result<Account, SetupError> {
        let digest = LinkDigest::of_token(token).ok_or(SetupError::Refused)?;
        // Before the password is hashed: nobody without the link makes us work.
        if !self.store.is_setup_link_good(digest, self.clock.now()).await? {
            return Err(SetupError::Refused);
        }
        let (email, username) = self.check_first_admin(&admin).await.map_err(SetupError::Rules)?;
        let hash = self.hasher.hash(admin.password, client.network()).await?;
        let created_at = self.clock.now();
        let id = AccountId::new(created_at);
        let account = NewAccount {
            id,
            email,
            username: Some(username),
            full_name: None,
            password_hash: Some(hash),
            confirmed: true,
            permissions: Scopes::from_iter([ADMIN.to_owned()]),
            language: None,
            invitation: None,
            devices: vec![self.place(id, &Device::Browser(None), client, created_at)],
            announcer: self.announcer(created_at),
            profile: None,
            created_at,
        };
        let (auth, client) = (Arc::clone(self), client.clone());
        to_the_end(async move {
            match auth.store.insert_first_admin(digest, account).await? {
                Some(Insertion::Inserted { account, .. }) => {
                    auth.note_first_admin(&account, &client);
                    Ok(account)
                }
                Some(Insertion::Taken { email, username }) => Err(SetupError::Taken { email, username }),
                None => Err(SetupError::Refused),
            }
        })
        .await
    }

    async fn check_first_admin(&self, admin: &FirstAdmin) -> Result<(Email, Username), Vec<RuleViolation>> {
        let (email, username) =
            (Email::parse(&admin.email), self.policy.usernames.parse_exempt(&admin.username));
        let new = NewPassword {
            password: &admin.password,
            field: "password1",
            repeated: Some(&admin.repeated),
            username: username.as_ref().ok(),
            email: email.as_ref().ok(),
        };
        let broken = self.check_new_password(new).await;
        match (email, username) {
            (Ok(email), Ok(username)) if broken.is_empty() => Ok((email, username)),
            (email, username) => Err(email.err().into_iter().chain(username.err()).chain(broken).collect()),
        }
    }

    fn note_first_admin(&self, account: &Account, client: &Client) {
        let event = AuditEvent::of_operator(self.clock.now(), AuditKind::Promote, Some(account.id), "setup");
        self.audit.record(AuditEvent { address: client.address.to_string(), ..event });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t55_the_link_does_not_print() {
        let link = SetupLink { url: "http://here/setup/x".into(), expires_at: Timestamp::from_millis(1) };
        assert!(!format!("{link:?}").contains("setup/x"));
    }
}
