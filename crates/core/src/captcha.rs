//! Captchas: asked of everybody who registers, and of logins once there have been failures.
//!
//! Stores counters in the throttle. Steered by `captcha.*`. Defends against programs that register in bulk or try passwords
//! from many networks. Whether a login needs one hangs on the network and on the name as it was typed, before anybody looks
//! whether that belongs to somebody: to be asked for a captcha, or not, says nothing about an account.
//!
//! Nothing of it is there unless a provider is configured. One that is away is asked once a second.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use crate::{
    Auth,
    ports::{
        captcha::{CaptchaAction, CaptchaChallenge, CaptchaOutage, CaptchaVerdict},
        clock::Timestamp,
    },
};

/// Longer tokens are nobody's; the longest of the providers have about 2500 bytes.
const LONGEST_TOKEN: usize = 8192;
/// When it may be worth another try where the provider is away.
const RETRY_AFTER: Duration = Duration::from_secs(10);
/// How long a provider that is away is left alone.
const PAUSE: Duration = Duration::from_secs(1);

/// Whether the provider is away: then it is asked once in a while, on behalf of all. Otherwise whoever has many requests
/// would have us ask as many questions, which nobody answers and nothing counts.
#[derive(Debug, Default)]
pub(crate) struct Absence {
    /// Until when nobody asks, in milliseconds; zero where it is there.
    until: AtomicI64,
}

impl Absence {
    /// Whether this caller may ask. Where it is time to see whether the provider is back, one may.
    fn may_ask(&self, now: Timestamp) -> bool {
        let until = self.until.load(Ordering::Relaxed);
        if until == 0 {
            return true;
        }
        let left = Timestamp::from_millis(until).since(now);
        // More than a pause is left where the clock was set back.
        if !left.is_zero() && left <= PAUSE {
            return false;
        }
        let next = now.plus(PAUSE).as_millis();
        self.until.compare_exchange(until, next, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    fn note(&self, is_away: bool, now: Timestamp) {
        let until = if is_away { now.plus(PAUSE).as_millis() } else { 0 };
        self.until.store(until, Ordering::Relaxed);
    }
}

/// Why somebody is not let through.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CaptchaError {
    /// No challenge was solved, or what was sent does not count.
    #[error("the captcha is missing or wrong")]
    Failed {
        /// What a page needs to show one.
        challenge: CaptchaChallenge,
        /// Whether there was none, so that nobody had to be asked.
        is_missing: bool,
    },
    /// Nobody can say whether the challenge was solved.
    #[error("captchas cannot be verified")]
    Unavailable {
        /// When it may be worth another try.
        retry_after: Duration,
        /// Why.
        #[source]
        cause: CaptchaOutage,
    },
}

impl CaptchaError {
    /// The stable code for the audit log.
    pub(crate) const fn code(&self) -> &'static str {
        match self {
            Self::Failed { .. } => "captcha_failed",
            Self::Unavailable { .. } => "captcha_unavailable",
        }
    }

    /// Whether the attempt cost nobody anything, so that it need not count.
    pub(crate) const fn is_free(&self) -> bool {
        matches!(self, Self::Failed { is_missing: true, .. } | Self::Unavailable { .. })
    }
}

impl Auth {
    /// What a page needs to show a captcha; `None` where none is asked for.
    #[must_use]
    pub fn captcha_challenge(&self) -> Option<CaptchaChallenge> {
        self.captcha.as_ref().map(|captcha| captcha.challenge())
    }

    /// Lets whoever solved a challenge through; everybody where there is none.
    pub(crate) async fn pass_captcha(
        &self,
        token: Option<&str>,
        action: CaptchaAction,
    ) -> Result<(), CaptchaError> {
        let Some(captcha) = &self.captcha else { return Ok(()) };
        let failed = |is_missing| {
            count(action, "failed");
            Err(CaptchaError::Failed { challenge: captcha.challenge(), is_missing })
        };
        let token = match token.map(str::trim) {
            None | Some("") => return failed(true),
            Some(token) if !is_token(token) => return failed(true),
            Some(token) => token,
        };
        if !self.captcha_absence.may_ask(self.clock.now()) {
            let cause = CaptchaOutage::Away("it was a moment ago".to_owned());
            return self.meet_captcha_outage(action, cause);
        }
        let verdict = captcha.verify(token, action).await;
        self.captcha_absence.note(matches!(verdict, Err(CaptchaOutage::Away(_))), self.clock.now());
        match verdict {
            Ok(CaptchaVerdict::Passed) => {
                count(action, "passed");
                Ok(())
            }
            Ok(CaptchaVerdict::Refused(reason)) => {
                tracing::debug!(action = action.as_str(), reason, "a captcha was refused");
                failed(false)
            }
            Err(cause) => self.meet_captcha_outage(action, cause),
        }
    }

    fn meet_captcha_outage(&self, action: CaptchaAction, cause: CaptchaOutage) -> Result<(), CaptchaError> {
        let is_passing = matches!(cause, CaptchaOutage::Away(_) | CaptchaOutage::Unclear(_));
        // A secret that is wrong would otherwise open the door for good, and nobody would notice.
        if self.policy.captcha.lets_through_on_outage && is_passing {
            count(action, "let_through");
            tracing::warn!(action = action.as_str(), %cause, "somebody was let through without a captcha");
            return Ok(());
        }
        count(action, "unavailable");
        Err(CaptchaError::Unavailable { retry_after: RETRY_AFTER, cause })
    }
}

/// Whether it can be a token at all: nobody is asked about anything else.
fn is_token(text: &str) -> bool {
    text.len() <= LONGEST_TOKEN && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn count(action: CaptchaAction, outcome: &'static str) {
    metrics::counter!("vestibule_captchas_total", "action" => action.as_str(), "outcome" => outcome)
        .increment(1);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_a_token_is_not_asked_about() {
        assert!(is_token("P1_eyJ0eXAiOiJKV1Qi.abc-DEF=") && is_token(&"x".repeat(LONGEST_TOKEN)));
        for text in ["a b", "a\r\nb", "é", "\0", &"x".repeat(LONGEST_TOKEN + 1)] {
            assert!(!is_token(text), "{text:.20}");
        }
    }

    #[test]
    fn a_provider_that_is_away_is_asked_by_one_at_a_time() {
        let (absence, at) = (Absence::default(), |millis: i64| Timestamp::from_millis(1_000_000 + millis));
        assert!(absence.may_ask(at(0)) && absence.may_ask(at(0)));
        absence.note(true, at(0));
        assert!(!absence.may_ask(at(999)));
        assert!(absence.may_ask(at(1000)), "one sees whether it is back");
        assert!(!absence.may_ask(at(1000)) && !absence.may_ask(at(1999)));
        assert!(absence.may_ask(at(-3_600_000)), "a clock that was set back");
        absence.note(false, at(2000));
        assert!(absence.may_ask(at(2000)) && absence.may_ask(at(2000)));
    }
}
