//! The engine, assembled from its ports; ready when everything that it must remember has been loaded.

use std::sync::Arc;

use tokio::sync::Notify;

use super::Auth;
use crate::{
    Policy,
    audit_log::AuditLog,
    avatar::Studio,
    captcha::Absence,
    keys::{KeyError, ring::KeyRing, signing::SigningKey},
    limit_notices::LimitNotices,
    memory_throttle::MemoryThrottle,
    new_password::Breaches,
    policy::Contradiction,
    ports::{
        breached_passwords::BreachedPasswords,
        captcha::Captcha,
        clock::{Clock, SystemClock},
        hasher::PasswordHasher,
        hooks::Hooks,
        mailer::Mailer,
        notifier::Notifier,
        profile::{AccountProfile, ProfileRules, RulesOf},
        store::{Store, StoreError},
        throttle::Throttle,
    },
    revocation::Revocations,
    stalls::Stalls,
    token::TokenCache,
    upkeep::Lag,
    values::secret::{CannotUnwrap, MasterKeys, SecretKey},
};

impl Auth {
    /// Begins to assemble an engine from a store, a hasher and the secret that everything is derived from.
    pub fn builder(store: Arc<dyn Store>, hasher: Arc<dyn PasswordHasher>, secret: SecretKey) -> AuthBuilder {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        AuthBuilder {
            store,
            hasher,
            secret,
            previous: Vec::new(),
            signing_key: None,
            throttle: None,
            breached_passwords: None,
            mailer: None,
            notifier: None,
            hooks: None,
            profiles: None,
            captcha: None,
            clock,
            policy: Policy::default(),
            is_beside: false,
        }
    }
}

/// Assembles an [`Auth`].
#[derive(Debug)]
#[must_use]
pub struct AuthBuilder {
    store: Arc<dyn Store>,
    hasher: Arc<dyn PasswordHasher>,
    secret: SecretKey,
    previous: Vec<SecretKey>,
    signing_key: Option<SigningKey>,
    throttle: Option<Arc<dyn Throttle>>,
    breached_passwords: Option<Arc<dyn BreachedPasswords>>,
    mailer: Option<Arc<dyn Mailer>>,
    notifier: Option<Arc<dyn Notifier>>,
    hooks: Option<Arc<dyn Hooks>>,
    profiles: Option<Arc<dyn ProfileRules>>,
    captcha: Option<Arc<dyn Captcha>>,
    clock: Arc<dyn Clock>,
    policy: Policy,
    is_beside: bool,
}

/// Why an engine cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The signing keys cannot be used.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// The rules contradict each other, or need what is not there.
    #[error(transparent)]
    Policy(#[from] Contradiction),
    /// The secrets cannot be used.
    #[error(transparent)]
    Secret(#[from] CannotUnwrap),
    /// The store could not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl AuthBuilder {
    /// Sets the policy.
    pub fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Writes nobody of logins from devices that are new to their accounts, whatever the policy says.
    pub fn without_new_device_letters(mut self) -> Self {
        self.policy.mail.tells_of_new_devices = false;
        self
    }

    /// Sets the secrets that were in force before: they still verify and unwrap.
    pub fn previous_secrets(mut self, previous: Vec<SecretKey>) -> Self {
        self.previous = previous;
        self
    }

    /// Signs with this key instead of those in the store; it is the operator's to rotate.
    pub fn signing_key(mut self, key: SigningKey) -> Self {
        self.signing_key = Some(key);
        self
    }

    /// Counts attempts somewhere else than in memory.
    pub fn throttle(mut self, throttle: Arc<dyn Throttle>) -> Self {
        self.throttle = Some(throttle);
        self
    }

    /// Refuses new passwords that are known from breaches.
    pub fn breached_passwords(mut self, list: Arc<dyn BreachedPasswords>) -> Self {
        self.breached_passwords = Some(list);
        self
    }

    /// Delivers messages; without it, nothing is told by mail.
    pub fn mailer(mut self, mailer: Arc<dyn Mailer>) -> Self {
        self.mailer = Some(mailer);
        self
    }

    /// Tells other systems of events; without it, nothing is kept for them.
    pub fn notifier(mut self, notifier: Arc<dyn Notifier>) -> Self {
        self.notifier = Some(notifier);
        self
    }

    /// Asks and tells the application; without it, nobody is asked.
    pub fn hooks(mut self, hooks: Arc<dyn Hooks>) -> Self {
        self.hooks = Some(hooks);
        self
    }

    /// Keeps a profile of this type with each account; without one, none is taken or shown.
    pub fn profile<P: AccountProfile>(self) -> Self {
        self.profile_rules(Arc::new(RulesOf::<P>::default()))
    }

    /// Keeps a profile with each account that follows these rules.
    pub fn profile_rules(mut self, rules: Arc<dyn ProfileRules>) -> Self {
        self.profiles = Some(rules);
        self
    }

    /// Asks whoever registers, and whoever fails to log in too often, to solve a captcha; without it, nobody is asked.
    pub fn captcha(mut self, captcha: Arc<dyn Captcha>) -> Self {
        self.captcha = Some(captcha);
        self
    }

    /// Tells time by another clock than the system's.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Says that another process serves these data, as beside a command: what that one could not read is not written.
    pub fn beside(mut self) -> Self {
        self.is_beside = true;
        self
    }

    /// Loads the keys and everything that has been revoked: the engine is ready when this returns.
    ///
    /// # Errors
    /// [`StartError`]; nothing is served that could not be checked.
    pub async fn start(self) -> Result<Arc<Auth>, StartError> {
        // The keys and rules that it holds would make every future around it as large.
        Box::pin(self.load()).await
    }

    async fn load(self) -> Result<Arc<Auth>, StartError> {
        self.policy.check()?;
        if self.policy.registration.conceals_existing && self.mailer.is_none() {
            return Err(
                Contradiction("existing accounts are concealed, and nobody can be told by mail").into()
            );
        }
        let now = self.clock.now();
        let master = MasterKeys::derive(&self.secret, &self.previous)?;
        let is_key_from_file = self.signing_key.is_some();
        let keys = match self.signing_key {
            Some(key) => KeyRing::of_one(key, now),
            None => {
                KeyRing::load(
                    self.store.as_ref(),
                    &master,
                    self.policy.tokens.algorithm,
                    now,
                    !self.is_beside,
                )
                .await?
            }
        };
        let revocations = Revocations::load(self.store.as_ref(), now).await?;
        Ok(Arc::new(Auth {
            throttle: self.throttle.unwrap_or_else(|| Arc::new(MemoryThrottle::new(Arc::clone(&self.clock)))),
            tokens: TokenCache::new(self.policy.tokens.cache_capacity),
            audit: AuditLog::new(Arc::clone(&self.store)),
            mailer: self.mailer,
            notifier: self.notifier,
            hooks: self.hooks,
            profiles: self.profiles,
            captcha: self.captcha,
            captcha_absence: Absence::default(),
            errands_queued: Notify::new(),
            limit_notices: LimitNotices::default(),
            lag: Lag::default(),
            stalls: Stalls::default(),
            studio: Studio::default(),
            breaches: Breaches::new(self.breached_passwords),
            store: self.store,
            hasher: self.hasher,
            clock: self.clock,
            policy: self.policy,
            master: Arc::new(master),
            keys,
            is_key_from_file,
            revocations,
        }))
    }
}
