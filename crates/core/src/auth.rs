//! The engine: one struct that holds the ports and the policy; its `impl` blocks stand in the capability files.

mod builder;

use std::sync::Arc;

use tokio::sync::Notify;

use crate::{
    Policy,
    audit_log::AuditLog,
    avatar::Studio,
    captcha::Absence,
    keys::ring::KeyRing,
    limit_notices::LimitNotices,
    new_password::Breaches,
    policy::TokenPolicy,
    ports::{
        captcha::Captcha,
        clock::Clock,
        hasher::PasswordHasher,
        hooks::Hooks,
        mailer::Mailer,
        notifier::Notifier,
        profile::ProfileRules,
        store::{Store, StoreError},
        throttle::Throttle,
    },
    revocation::Revocations,
    stalls::Stalls,
    token::TokenCache,
    upkeep::Lag,
    values::secret::MasterKeys,
};

pub use self::builder::{AuthBuilder, StartError};

/// The way in: registers, logs in, refreshes, verifies and logs out.
///
/// Cheap to share behind an [`Arc`]; two engines may live in one process.
#[derive(Debug)]
pub struct Auth {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) hasher: Arc<dyn PasswordHasher>,
    pub(crate) throttle: Arc<dyn Throttle>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) policy: Policy,
    pub(crate) master: Arc<MasterKeys>,
    pub(crate) keys: KeyRing,
    pub(crate) is_key_from_file: bool,
    pub(crate) revocations: Revocations,
    pub(crate) tokens: TokenCache,
    pub(crate) audit: AuditLog,
    pub(crate) mailer: Option<Arc<dyn Mailer>>,
    pub(crate) notifier: Option<Arc<dyn Notifier>>,
    pub(crate) hooks: Option<Arc<dyn Hooks>>,
    pub(crate) profiles: Option<Arc<dyn ProfileRules>>,
    pub(crate) captcha: Option<Arc<dyn Captcha>>,
    pub(crate) captcha_absence: Absence,
    pub(crate) errands_queued: Notify,
    pub(crate) limit_notices: LimitNotices,
    pub(crate) lag: Lag,
    pub(crate) stalls: Stalls,
    pub(crate) breaches: Breaches,
    pub(crate) studio: Studio,
}

impl Auth {
    /// The policy in force.
    #[must_use]
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The clock in force.
    #[must_use]
    pub fn clock(&self) -> &dyn Clock {
        self.clock.as_ref()
    }

    /// Lifetimes and names of tokens, as they were configured.
    #[must_use]
    pub const fn token_policy(&self) -> &TokenPolicy {
        &self.policy.tokens
    }

    /// Whether reads and writes would be answered now.
    ///
    /// # Errors
    /// The outage.
    pub async fn check_ready(&self) -> Result<(), StoreError> {
        if self.keys.is_behind() {
            return Err(StoreError::Unavailable(
                "the signing keys cannot be opened with this secret_key; restart with the current one".into(),
            ));
        }
        if self.lag.is_too_long() {
            return Err(StoreError::Unavailable("what other nodes have revoked cannot be read".into()));
        }
        self.store.ping().await
    }
}
