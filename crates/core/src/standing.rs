//! Which limits an account has come up against: for its owner and for administrators.
//!
//! Stores nothing; looks at the counters that the gate keeps, as far as this node or the Redis behind it knows. Steered by
//! `throttle.account_failures`, `throttle.device_failures` and `throttle.account_delay_max`. Strangers are told of none of
//! it: what they may know stands in their own 429.

use crate::{
    Auth,
    administration::{AdministrationError, Administrator},
    gate::{Limit, subject},
    ports::{
        clock::Timestamp,
        store::StoreError,
        throttle::{Rise, ThrottleKey},
    },
    token::{TokenError, claims::AccessClaims},
    values::{
        account::{Account, AccountId},
        session::SessionId,
    },
};

/// Who has failed at an account. The names are an API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failing {
    /// Strangers, with the user name.
    Username,
    /// Strangers, with the address.
    Email,
    /// Strangers, whichever name they used.
    Account,
    /// A device that has logged in before.
    Device,
    /// This session, which was asked for the password again.
    Session,
}

impl Failing {
    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Username => "username",
            Self::Email => "email",
            Self::Account => "account",
            Self::Device => "device",
            Self::Session => "session",
        }
    }
}

/// A counter of failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LimitStanding {
    /// Which limit it counts towards.
    pub limit: Limit,
    /// Who has failed.
    pub whose: Failing,
    /// How often.
    pub failures: u32,
    /// Until when nobody of them is heard; `None` while they are.
    pub until: Option<Timestamp>,
}

impl Auth {
    /// The failures at the token's own account, of strangers and of its devices, and at its password from this session; none
    /// where nobody has failed.
    ///
    /// # Errors
    /// As [`Auth::find_current_account`], or an outage of the counters.
    pub async fn list_own_limits(&self, claims: &AccessClaims) -> Result<Vec<LimitStanding>, TokenError> {
        let account = self.find_current_account(claims).await?;
        Ok(self.list_limits(&account, Some(claims.session_id)).await?)
    }

    /// The failures of strangers and of known devices at an account.
    ///
    /// # Errors
    /// [`AdministrationError::Unknown`], or an outage.
    pub async fn list_limits_of(
        &self,
        admin: &Administrator,
        id: AccountId,
    ) -> Result<Vec<LimitStanding>, AdministrationError> {
        let account = self.find_account(admin, id).await?;
        Ok(self.list_limits(&account, None).await?)
    }

    async fn list_limits(
        &self,
        account: &Account,
        session: Option<SessionId>,
    ) -> Result<Vec<LimitStanding>, StoreError> {
        let Some(found) = self.credentials_of(account).await? else { return Ok(Vec::new()) };
        let policy = &self.policy.throttle;
        let (strangers, devices) = (policy.rise_for_strangers(), policy.rise_for_devices());
        let name = |name: &str| self.name_key(name, Some(&found));
        let mut keys = Vec::new();
        if let Some(username) = &account.username {
            keys.push((Failing::Username, name(username), strangers));
        }
        keys.push((Failing::Email, name(&account.email), strangers));
        keys.push((Failing::Account, ThrottleKey::Strangers(subject(&found)), strangers));
        if let Some(session) = session {
            keys.push((Failing::Session, ThrottleKey::Session(session, subject(&found)), devices));
        }
        // As many as are remembered of an account, so no more than a hundred.
        for known in self.store.list_known_devices(account.id, self.clock.now()).await? {
            keys.push((Failing::Device, ThrottleKey::Device(known.device, subject(&found)), devices));
        }
        let mut limits = Vec::new();
        for (whose, key, rise) in keys {
            limits.extend(self.stand(whose, &key, rise).await?);
        }
        Ok(limits)
    }

    async fn stand(
        &self,
        whose: Failing,
        key: &ThrottleKey,
        rise: Rise,
    ) -> Result<Option<LimitStanding>, StoreError> {
        let standing = self.throttle.look(key).await?;
        let wait = rise.wait_left(&standing);
        let until = (!wait.is_zero()).then(|| self.clock.now().plus(wait));
        let limit = Limit::of(key);
        Ok((standing.count > 0).then_some(LimitStanding { limit, whose, failures: standing.count, until }))
    }
}
