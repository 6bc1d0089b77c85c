//! Making an account.
//!
//! Stores the account and, where somebody registers for themselves, their first session, in one step. Steered by
//! `registration.*`, `throttle.registrations`, `usernames.*` and `passwords.*`. Nothing but names and the password is
//! taken from the request: no caller can confirm, activate or promote themselves.

mod admin;
mod by_operator;
mod concealed;
mod limit;
mod new_account;

use std::{sync::Arc, time::Duration};

use serde_json::{Map, Value};

pub(crate) use self::concealed::Applicant;
pub use self::{admin::AdminCreation, by_operator::NewUser};

use crate::{
    Auth,
    captcha::CaptchaError,
    detach::to_the_end,
    gate::Attempt,
    hooks::After,
    login::{Birth, LoggedIn},
    ports::{
        audit::{AuditEvent, AuditKind, AuditOutcome},
        hasher::HashError,
        hooks::{Caller, Concerning, HookError},
        profile::ProfileRefusal,
        store::{Acquaintance, Insertion, StoreError},
    },
    token::SigningError,
    values::{
        account::{Account, NewAccount},
        client::Client,
        device::{Device, DeviceToken, KNOWN_FOR},
        language::Language,
        password::Password,
        rule::RuleViolation,
        scope::Scopes,
        session::{NewSession, SessionId},
    },
};

/// Somebody who wants an account.
#[derive(Debug)]
pub struct Registration {
    /// The e-mail address, as typed.
    pub email: String,
    /// The user name, as typed; `None` where the route does not ask for one.
    pub username: Option<String>,
    /// The person's name, as typed.
    pub full_name: Option<String>,
    /// What the application is to keep with the account, where it keeps something; `None` is an empty object.
    pub profile: Option<Map<String, Value>>,
    /// The password, and how the request names it.
    pub password: Password,
    /// The field that rule violations of the password name.
    pub password_field: &'static str,
    /// The password typed a second time, where the route asks for that.
    pub repeated: Option<Password>,
    /// The token of a captcha, where the caller sent one.
    pub captcha: Option<String>,
    /// The language to write in, where the caller named one.
    pub language: Option<Language>,
    /// Who is calling.
    pub client: Client,
    /// What they register with; a browser is known by the account's first login.
    pub device: Device,
}

/// Why there is no account.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistrationError {
    /// Nobody may register for themselves here.
    #[error("registration is switched off")]
    Disabled,
    /// Too many registrations from this network.
    #[error("too many registrations; again in {} s", retry_after.as_secs())]
    RateLimited {
        /// When the window ends.
        retry_after: Duration,
    },
    /// A name or the password breaks a rule; never empty.
    #[error("{} rules are broken", .0.len())]
    Rules(Vec<RuleViolation>),
    /// The profile is none, or its type cannot be used; rules that it breaks are among [`Self::Rules`].
    #[error(transparent)]
    Profile(ProfileRefusal),
    /// No captcha was solved, or nobody can say.
    #[error(transparent)]
    Captcha(#[from] CaptchaError),
    /// At least one of the names belongs to somebody.
    #[error("a name is taken")]
    Taken {
        /// The address does.
        email: bool,
        /// The user name does.
        username: bool,
    },
    /// The account that would be made an administrator has an address that nobody has proved to be theirs.
    #[error("nobody has proved that the address of this account is theirs")]
    Unproved,
    /// The application does not want it, or could not be asked.
    #[error(transparent)]
    Hook(#[from] HookError),
    /// The password could not be hashed.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The store could not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The tokens could not be made.
    #[error(transparent)]
    Signing(#[from] SigningError),
}

/// What a registration has led to.
#[derive(Clone, Debug)]
pub enum Registered {
    /// An account, and the first session of it.
    LoggedIn(LoggedIn),
    /// An account whose owner has to prove their address before they log in.
    Unconfirmed(Account),
}

impl Auth {
    /// Makes an account.
    ///
    /// Where existing accounts are concealed, what is returned is the account that there will be once its address is
    /// proved, and nothing tells whether there can be one.
    ///
    /// # Errors
    /// [`RegistrationError`]; every broken rule is named, in the order e-mail, username, password.
    ///
    /// # Security
    /// It is counted before the work, so that parallel registrations cannot outrun the limit.
    pub async fn register(
        self: &Arc<Self>,
        registration: Registration,
    ) -> Result<Account, RegistrationError> {
        let attempt = self.begin_registration(&registration).await?;
        let outcome = if self.policy.registration.conceals_existing {
            self.apply(registration).await
        } else {
            self.make_account(registration).await
        };
        self.end_registration(attempt, outcome).await
    }

    async fn make_account(
        self: &Arc<Self>,
        registration: Registration,
    ) -> Result<Account, RegistrationError> {
        let client = registration.client.clone();
        let account = self.new_account(registration).await?;
        let auth = Arc::clone(self);
        to_the_end(async move {
            let account = auth.insert(account, None).await?;
            auth.record_registration(&account, &client).await;
            Ok(account)
        })
        .await
    }

    /// Makes an account and logs its owner in, unless they have to prove their address first; the session whose cookie
    /// came along ends with the login.
    ///
    /// # Errors
    /// As [`Self::register`].
    pub async fn register_and_log_in(
        self: &Arc<Self>,
        registration: Registration,
        replaces: Option<SessionId>,
    ) -> Result<Registered, RegistrationError> {
        if self.policy.registration.requires_confirmation {
            return self.register(registration).await.map(Registered::Unconfirmed);
        }
        let attempt = self.begin_registration(&registration).await?;
        let outcome = self.make_account_with_session(&attempt, registration, replaces).await;
        self.end_registration(attempt, outcome).await
    }

    async fn make_account_with_session(
        self: &Arc<Self>,
        attempt: &Attempt,
        registration: Registration,
        replaces: Option<SessionId>,
    ) -> Result<Registered, RegistrationError> {
        let (client, device) = (registration.client.clone(), registration.device.clone());
        let mut account = self.new_account(registration).await?;
        // Nobody can have cut off an account that does not exist, but everybody may have been cut off.
        let cutoff_at = self.revocations.everyone();
        let birth =
            Birth { account_id: account.id, scope: Scopes::none(), cutoff_at, client: client.clone() };
        let device = device.after_login(&self.master, account.id, self.clock.now());
        let device_id = device.as_ref().map(DeviceToken::id);
        let until = account.created_at.plus(KNOWN_FOR);
        account.devices.extend(device_id.map(|device| Acquaintance { device, until }));
        let session = NewSession { replaces, device: device_id, ..self.new_session(attempt, birth) };
        let auth = Arc::clone(self);
        to_the_end(async move {
            let account = auth.insert(account, Some(session.clone())).await?;
            metrics::counter!("vestibule_sessions_opened_total").increment(1);
            auth.record_registration(&account, &client).await;
            Ok(Registered::LoggedIn(auth.hand_out(account, &session, device)?))
        })
        .await
    }

    async fn insert(
        &self,
        account: NewAccount,
        session: Option<NewSession>,
    ) -> Result<Account, RegistrationError> {
        match self.store.insert_account(account, session).await? {
            Insertion::Inserted { account, ended } => {
                self.wake_outbox();
                if let Some(ended) = ended {
                    self.revocations.learn_sessions(&[ended]);
                    metrics::counter!("vestibule_sessions_ended_total").increment(1);
                }
                Ok(account)
            }
            Insertion::Taken { email, username } => Err(RegistrationError::Taken { email, username }),
        }
    }

    async fn record_registration(&self, account: &Account, client: &Client) {
        metrics::counter!("vestibule_registrations_total").increment(1);
        self.audit.record(AuditEvent {
            at: self.clock.now(),
            kind: AuditKind::Register,
            outcome: AuditOutcome::Success,
            account_id: Some(account.id),
            actor_id: None,
            session_id: None,
            address: client.address.to_string(),
            detail: "",
        });
        self.tell_hooks(|| After::Register(Concerning::of(account, Caller::of(client)))).await;
    }
}
