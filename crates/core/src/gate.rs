//! The one gate before every way in: attempts counted before the work, given back where the caller is not at fault.
//!
//! Stores counters in the throttle. Steered by `throttle.*`. Defends against guessing and against registrations in bulk:
//! parallel ones cannot outrun a limit that is counted first, and whoever hangs up has counted all the same. No session is
//! begun without an `Attempt`, and only this file makes one.
//!
//! A guess counts for the caller's network; then for the device, where that has logged in to the account before, or else
//! for the name and for the account. What strangers are told hangs on the name alone, which counts whether or not it belongs
//! to anybody; where the account has had enough of them under its other name, they are not told and not heard either. So
//! two names are no two budgets, and nobody learns that they are one account's.

mod limit;

use std::time::Duration;

pub(crate) use self::limit::GateError;
pub use self::limit::Limit;
use crate::{
    Auth,
    policy::CaptchaPolicy,
    ports::{
        store::StoreError,
        throttle::{Count, Receipt, Rise, Subject, ThrottleKey},
    },
    values::{
        account::{AccountId, Credentials},
        client::ClientNetwork,
        device::Device,
        session::SessionId,
        username::LoginName,
    },
};

/// An attempt that has been counted, or need not be; it stays counted unless it is given back.
///
/// # Security
/// Whoever begins a session shows one: no way in can go round the gate.
#[derive(Debug, Default)]
#[must_use]
pub(crate) struct Attempt(Vec<(ThrottleKey, Receipt)>);

/// A guess that has been counted for its network and for nothing else yet: nobody gets in with it.
#[derive(Debug)]
#[must_use]
pub(crate) struct Knock(Attempt);

/// What becomes of a guess at an account.
#[derive(Debug)]
pub(crate) enum Admission {
    /// It is heard.
    Heard(Attempt),
    /// It is answered like a wrong one, at the same cost, whatever it is: the account has had enough of strangers.
    Unheard(Attempt),
}

/// Whose password is guessed at, and by whom.
pub(crate) struct Guess<'a> {
    /// The name, as typed.
    pub(crate) name: &'a str,
    /// What it belongs to.
    pub(crate) found: Option<&'a Credentials>,
    pub(crate) device: &'a Device,
}

impl Auth {
    /// Lets a registration in, if the network has not made too many.
    pub(crate) async fn admit_registration(&self, network: ClientNetwork) -> Result<Attempt, GateError> {
        let policy = &self.policy.throttle;
        let mut attempt = Attempt::default();
        let key = ThrottleKey::Registration(network);
        self.count(&mut attempt, key, policy.registrations, policy.registration_window).await?;
        Ok(attempt)
    }

    /// Lets somebody say whose password they know, if the network has not guessed too often.
    pub(crate) async fn knock(&self, network: ClientNetwork) -> Result<Knock, GateError> {
        let policy = &self.policy.throttle;
        let mut attempt = Attempt::default();
        let key = ThrottleKey::Login(network);
        self.count(&mut attempt, key, policy.login_attempts, policy.login_window).await?;
        Ok(Knock(attempt))
    }

    /// Lets an account be exported, if it has not been exported too often.
    pub(crate) async fn admit_export(&self, account_id: AccountId) -> Result<Attempt, GateError> {
        let policy = &self.policy.throttle;
        let mut attempt = Attempt::default();
        let key = ThrottleKey::Export(account_id);
        self.count(&mut attempt, key, policy.exports, policy.export_window).await?;
        Ok(attempt)
    }

    /// Lets somebody guess at the password of an account, or of none.
    ///
    /// # Security
    /// The same answer and the same counting for every name; a known device counts for itself alone.
    pub(crate) async fn admit_guess(&self, knock: Knock, guess: Guess<'_>) -> Result<Admission, GateError> {
        let Knock(mut attempt) = knock;
        let policy = &self.policy.throttle;
        if let Some(key) = self.device_key(&guess) {
            self.count_rising(&mut attempt, key, policy.rise_for_devices()).await?;
            return Ok(Admission::Heard(attempt));
        }
        let rise = policy.rise_for_strangers();
        let (name, account) = (self.name_key(guess.name, guess.found), self.strangers_key(&guess));
        self.count_rising(&mut attempt, name, rise).await?;
        match self.count_rising(&mut attempt, account, rise).await {
            Ok(()) => Ok(Admission::Heard(attempt)),
            Err(GateError::Closed { .. }) => Ok(Admission::Unheard(attempt)),
            Err(error) => Err(error),
        }
    }

    /// Lets somebody who is logged in give their password again.
    ///
    /// # Security
    /// The session counts for itself: what strangers do keeps nobody from their own account.
    pub(crate) async fn admit_again(
        &self,
        network: ClientNetwork,
        session: SessionId,
        found: Option<&Credentials>,
    ) -> Result<Attempt, GateError> {
        let Knock(mut attempt) = self.knock(network).await?;
        if let Some(found) = found {
            let key = ThrottleKey::Session(session, subject(found));
            self.count_rising(&mut attempt, key, self.policy.throttle.rise_for_devices()).await?;
        }
        Ok(attempt)
    }

    /// Whether a login needs a captcha, because there have been as many failures as may be without; counted like the
    /// attempt itself, before anybody knows how it ends.
    ///
    /// # Security
    /// It hangs on the network and on the name as it was typed. Nobody has looked yet whether that belongs to somebody.
    pub(crate) async fn needs_captcha(
        &self,
        knock: &mut Knock,
        name: &str,
        network: ClientNetwork,
    ) -> Result<bool, StoreError> {
        let CaptchaPolicy { login_after_failures: limit, login_window: window, .. } = self.policy.captcha;
        if limit == 0 || !self.policy.throttle.is_enabled {
            return Ok(limit == 0);
        }
        let name = self.master.counter_mac(format!("captcha\0{}", LoginName::counted(name)).as_bytes());
        let mut is_needed = false;
        for key in [ThrottleKey::CaptchaOfNetwork(network), ThrottleKey::CaptchaOfName(name)] {
            match self.throttle.count(&key, limit, window).await? {
                Count::Counted(receipt) => knock.0.0.push((key, receipt)),
                Count::LimitReached { .. } => is_needed = true,
            }
        }
        Ok(is_needed)
    }

    fn device_key(&self, guess: &Guess<'_>) -> Option<ThrottleKey> {
        let found = guess.found?;
        let now = self.clock.now();
        let device = guess.device.known(&self.master, found.account.id, found.devices_since, now)?;
        Some(ThrottleKey::Device(device, subject(found)))
    }

    /// What guesses with a name are counted under.
    pub(crate) fn name_key(&self, name: &str, found: Option<&Credentials>) -> ThrottleKey {
        let id = self.master.counter_mac(format!("name\0{}", LoginName::counted(name)).as_bytes());
        ThrottleKey::Name(Subject { id, unlocks: found.map_or(0, |found| found.unlocks) })
    }

    /// For a name that belongs to nobody, a counter that stands for the account it has not.
    fn strangers_key(&self, guess: &Guess<'_>) -> ThrottleKey {
        let nobody = || {
            let id =
                self.master.counter_mac(format!("nobody\0{}", LoginName::counted(guess.name)).as_bytes());
            Subject { id, unlocks: 0 }
        };
        ThrottleKey::Strangers(guess.found.map_or_else(nobody, subject))
    }

    /// Counts an attempt in a window.
    pub(crate) async fn count(
        &self,
        attempt: &mut Attempt,
        key: ThrottleKey,
        limit: u32,
        window: Duration,
    ) -> Result<(), GateError> {
        if !self.policy.throttle.is_enabled {
            return Ok(());
        }
        let count = self.throttle.count(&key, limit, window).await;
        self.note(attempt, key, count).await
    }

    async fn count_rising(
        &self,
        attempt: &mut Attempt,
        key: ThrottleKey,
        rise: Rise,
    ) -> Result<(), GateError> {
        if !self.policy.throttle.is_enabled {
            return Ok(());
        }
        let count = self.throttle.count_rising(&key, rise).await;
        self.note(attempt, key, count).await
    }

    /// Notes what was counted. Where it was not, what this attempt has counted elsewhere stands, unless the failure is
    /// ours.
    async fn note(
        &self,
        attempt: &mut Attempt,
        key: ThrottleKey,
        count: Result<Count, StoreError>,
    ) -> Result<(), GateError> {
        match count {
            Ok(Count::Counted(receipt)) => attempt.0.push((key, receipt)),
            Ok(Count::LimitReached { retry_after }) => return Err(GateError::Closed { key, retry_after }),
            Err(error) => {
                self.give_back(std::mem::take(attempt)).await;
                return Err(GateError::Store(error));
            }
        }
        Ok(())
    }

    /// Gives an attempt back.
    pub(crate) async fn give_back(&self, attempt: Attempt) {
        // Last counted, first given back: who is let in by the name meanwhile must not find the account still full, and be
        // told of a right password that it is wrong.
        for (key, receipt) in attempt.0.into_iter().rev() {
            // Losing a refund costs the caller one attempt; it must not cost them the answer.
            if let Err(error) = self.throttle.refund(&key, receipt).await {
                tracing::warn!(%error, "an attempt could not be given back");
            }
        }
    }

    /// Gives an attempt back that was right, and forgets what this caller, and nobody else, has failed before.
    pub(crate) async fn succeed(&self, attempt: Attempt) {
        let (own, shared) = attempt.0.into_iter().partition(|(key, _)| Limit::of(key) == Limit::Device);
        self.give_back(Attempt(shared)).await;
        let own: Vec<(ThrottleKey, Receipt)> = own;
        for (key, _) in own {
            if let Err(error) = self.throttle.forget(&key).await {
                tracing::warn!(%error, "failures could not be forgotten");
            }
        }
    }
}

impl Knock {
    /// What was counted, to be given back.
    pub(crate) fn into_attempt(self) -> Attempt {
        self.0
    }
}

/// What stands for an account.
pub(crate) fn subject(found: &Credentials) -> Subject {
    Subject { id: id_of(found.account.id), unlocks: found.unlocks }
}

fn id_of(account: AccountId) -> [u8; 16] {
    *account.as_uuid().as_bytes()
}
