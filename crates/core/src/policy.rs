//! The numbers that steer the rules, in one place.

use std::time::Duration;

use crate::{
    danger::OpenDoors,
    ports::throttle::Rise,
    token::{claims::Expected, jws::Algorithm},
    values::{password::PasswordPolicy, scope::Scopes, username::UsernamePolicy},
};

/// Everything that an operator may turn.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// Rules for passwords.
    pub passwords: PasswordPolicy,
    /// Rules for user names.
    pub usernames: UsernamePolicy,
    /// Lifetimes and names of tokens.
    pub tokens: TokenPolicy,
    /// Limits on attempts.
    pub throttle: ThrottlePolicy,
    /// Who may register.
    pub registration: RegistrationPolicy,
    /// How accounts end.
    pub accounts: AccountPolicy,
    /// What is kept for how long.
    pub audit: AuditPolicy,
    /// Where mailed links lead, and for how long they are good.
    pub mail: MailPolicy,
    /// When a captcha is asked for, where there is one.
    pub captcha: CaptchaPolicy,
    /// What is dangerous and was asked for; see [`crate::danger`].
    pub danger: OpenDoors,
    /// How long the application's callbacks may take.
    pub hooks: HookPolicy,
}

/// How long the application's callbacks may take.
#[derive(Clone, Copy, Debug)]
pub struct HookPolicy {
    /// How long each may take; after that it has failed.
    pub patience: Duration,
}

impl Default for HookPolicy {
    fn default() -> Self {
        Self { patience: Duration::from_secs(5) }
    }
}

impl Policy {
    /// Says where the rules contradict each other, so that one of them could not be kept.
    ///
    /// # Errors
    /// The sentence that says so.
    pub const fn check(&self) -> Result<(), Contradiction> {
        if !self.registration.conceals_existing {
            return Ok(());
        }
        if !self.registration.requires_confirmation {
            return Err(Contradiction("existing accounts are concealed, and a new one is logged in at once"));
        }
        if self.danger.reveals_unknown_accounts {
            return Err(Contradiction(
                "existing accounts are concealed at registration and revealed at login",
            ));
        }
        Ok(())
    }
}

/// Rules that cannot be kept together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Contradiction(pub(crate) &'static str);

/// Lifetimes and names of tokens.
#[derive(Clone, Debug)]
pub struct TokenPolicy {
    /// The `iss` claim: the public URL of this service.
    pub issuer: String,
    /// The `aud` claim.
    pub audience: String,
    /// How long an access token lives.
    pub access_ttl: Duration,
    /// How long a session lives without a refresh.
    pub refresh_ttl: Duration,
    /// How long a session lives however often it is refreshed.
    pub refresh_max: Duration,
    /// How long a used refresh token answers the same child again while that is unused.
    pub refresh_grace: Duration,
    /// How far the verifier's clock may differ.
    pub leeway: Duration,
    /// The algorithm of new signing keys.
    pub algorithm: Algorithm,
    /// The scopes this service grants to those who also have the permission of that name.
    pub scopes: Scopes,
    /// How many live sessions an account may have; the oldest make room.
    pub sessions_per_account: u32,
    /// How many verified tokens are remembered.
    pub cache_capacity: u64,
}

impl Default for TokenPolicy {
    fn default() -> Self {
        const DAY: Duration = Duration::from_hours(24);
        Self {
            issuer: "http://127.0.0.1:8000".into(),
            audience: "http://127.0.0.1:8000".into(),
            access_ttl: Duration::from_mins(15),
            refresh_ttl: DAY * 30,
            refresh_max: DAY * 90,
            refresh_grace: Duration::from_secs(10),
            leeway: Duration::ZERO,
            algorithm: Algorithm::EdDsa,
            scopes: Scopes::none(),
            sessions_per_account: 100,
            cache_capacity: 10_000,
        }
    }
}

impl TokenPolicy {
    /// What an access token must say to be one of ours.
    #[must_use]
    pub fn expected(&self) -> Expected<'_> {
        Expected { issuer: &self.issuer, audience: &self.audience, leeway: self.leeway }
    }

    /// The longest that a token made now, or repeated within the grace, may be accepted; rounded up to whole seconds.
    #[must_use]
    pub fn access_reach(&self) -> Duration {
        self.access_ttl + self.refresh_grace + self.leeway + Duration::from_secs(1)
    }
}

/// The first wait after too many failures.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// Limits on attempts.
#[derive(Clone, Debug)]
pub struct ThrottlePolicy {
    /// Whether anything is limited at all.
    pub is_enabled: bool,
    /// How many logins a client network may try within the window.
    pub login_attempts: u32,
    /// The window, from the first attempt.
    pub login_window: Duration,
    /// How many failures with a name, or at an account, strangers have until they must wait.
    pub account_failures: u32,
    /// The longest wait; it begins at a second and doubles.
    pub account_delay_max: Duration,
    /// How many failures a device has that has logged in to the account before, and a session that is asked for the
    /// password again.
    pub device_failures: u32,
    /// How many registrations a client network may make within their window; broken rules do not count.
    pub registrations: u32,
    /// The window, from the first registration.
    pub registration_window: Duration,
    /// How many mails of a kind an account may ask for within the window.
    pub mails: u32,
    /// The window, from the first mail.
    pub mail_window: Duration,
    /// How often an account may be exported within the window.
    pub exports: u32,
    /// The window, from the first export.
    pub export_window: Duration,
}

impl Default for ThrottlePolicy {
    fn default() -> Self {
        Self {
            is_enabled: true,
            login_attempts: 30,
            login_window: Duration::from_mins(1),
            account_failures: 5,
            account_delay_max: Duration::from_mins(15),
            device_failures: 10,
            registrations: 20,
            registration_window: Duration::from_hours(1),
            mails: 2,
            mail_window: Duration::from_mins(30),
            exports: 5,
            export_window: Duration::from_hours(1),
        }
    }
}

impl ThrottlePolicy {
    /// How the waits of strangers rise.
    #[must_use]
    pub fn rise_for_strangers(&self) -> Rise {
        self.rise(self.account_failures)
    }

    /// How the waits of known devices and of sessions rise.
    #[must_use]
    pub fn rise_for_devices(&self) -> Rise {
        self.rise(self.device_failures)
    }

    fn rise(&self, free: u32) -> Rise {
        let longest_wait = self.account_delay_max;
        // Whoever waits for everything to be forgotten guesses no faster than who waits for the longest wait each time.
        let memory = longest_wait.saturating_mul(free.max(1));
        Rise { free, first_wait: FIRST_WAIT.min(longest_wait), longest_wait, memory }
    }
}

/// Who may register.
#[derive(Clone, Debug)]
pub struct RegistrationPolicy {
    /// Whether anybody may make an account for themselves.
    pub is_enabled: bool,
    /// Whether nobody logs in before they have proved their address.
    pub requires_confirmation: bool,
    /// Whether a registration tells nobody that an address has an account: its owner alone is told, by mail, and an
    /// account is made only when its address has been proved. Needs [`Self::requires_confirmation`] and mail.
    pub conceals_existing: bool,
}

impl Default for RegistrationPolicy {
    fn default() -> Self {
        Self { is_enabled: true, requires_confirmation: false, conceals_existing: false }
    }
}

/// How accounts end.
#[derive(Clone, Debug)]
pub struct AccountPolicy {
    /// How long an account whose owner deletes it can still be taken back; zero deletes it at once.
    pub deletion_grace: Duration,
}

impl Default for AccountPolicy {
    fn default() -> Self {
        Self { deletion_grace: Duration::from_hours(24 * 14) }
    }
}

/// When a captcha is asked for, where there is one.
#[derive(Clone, Debug)]
pub struct CaptchaPolicy {
    /// How many logins of a network, and with a name, may fail within the window before further ones need a captcha; with
    /// zero, every login needs one.
    pub login_after_failures: u32,
    /// The window, from the first failure.
    pub login_window: Duration,
    /// Whether everybody is let through while the provider is away.
    pub lets_through_on_outage: bool,
}

impl Default for CaptchaPolicy {
    fn default() -> Self {
        Self { login_after_failures: 3, login_window: Duration::from_mins(15), lets_through_on_outage: false }
    }
}

/// What the audit log keeps.
#[derive(Clone, Debug)]
pub struct AuditPolicy {
    /// How long an event is kept.
    pub retention: Duration,
}

impl Default for AuditPolicy {
    fn default() -> Self {
        Self { retention: Duration::from_hours(24 * 90) }
    }
}

/// Where mailed links lead, and for how long they are good.
#[derive(Clone, Debug)]
pub struct MailPolicy {
    /// What links begin with: the public URL of this service, without a slash at its end. Never a request's.
    pub public_url: String,
    /// How long a link that confirms an address is good.
    pub confirm_ttl: Duration,
    /// How long a link that resets a password is good.
    pub reset_ttl: Duration,
    /// Whether owners are told of logins from devices that are new to their accounts.
    pub tells_of_new_devices: bool,
}

impl Default for MailPolicy {
    fn default() -> Self {
        Self {
            public_url: "http://127.0.0.1:8000".into(),
            confirm_ttl: Duration::from_hours(24),
            reset_ttl: Duration::from_hours(2),
            tells_of_new_devices: true,
        }
    }
}
