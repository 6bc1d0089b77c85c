//! `[captcha]`: telling people from programs.

use std::{fmt, time::Duration};

use vestibule_captcha::Provider;
use zeroize::Zeroizing;

use super::{Mode, Service, settings::Settings};
use crate::failure::Problem;

/// Whoever waits for longer has gone.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(30);

/// Captchas.
#[derive(Clone, Debug)]
pub struct Captcha {
    /// Who verifies them; `None` where none is asked for.
    pub keyed: Option<Keyed>,
    /// Failures before a login needs one.
    pub login_after_failures: u32,
    /// The window in which they count.
    pub login_window: Duration,
    /// Whether everybody is let through while the provider is away.
    pub allow_on_outage: bool,
}

/// A provider, and the keys for it.
#[derive(Clone)]
pub struct Keyed {
    /// Whose captcha it is.
    pub provider: Provider,
    /// The public key.
    pub site_key: String,
    /// The key that the provider knows us by.
    pub secret: Zeroizing<String>,
    /// Further hosts of pages where captchas may be solved.
    pub hostnames: Vec<String>,
    /// The least score that passes.
    pub min_score: f64,
    /// How long an answer may take.
    pub timeout: Duration,
    /// Where tokens are verified instead of at the provider.
    pub verify_url: Option<String>,
}

impl fmt::Debug for Keyed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keyed").field("provider", &self.provider).finish_non_exhaustive()
    }
}

impl Captcha {
    pub(super) fn read(settings: &Settings, problems: &mut Vec<Problem>) -> Self {
        let failures = settings.count("captcha.login_after_failures").unwrap_or_default();
        Self {
            keyed: Keyed::read(settings, problems),
            login_after_failures: u32::try_from(failures).unwrap_or(u32::MAX),
            login_window: settings.span("captcha.login_window"),
            allow_on_outage: settings.text("captcha.on_outage").as_deref() == Some("allow"),
        }
    }

    pub(super) fn check(&self, service: &Service, problems: &mut Vec<Problem>) {
        let is_elsewhere = self.keyed.as_ref().is_some_and(|keyed| keyed.verify_url.is_some());
        if is_elsewhere && service.mode == Mode::Production {
            let sentence =
                "captcha.verify_url is refused in production: whoever answers there decides who is a person";
            problems.push(Problem::new(sentence).help("remove it; each provider has an address of its own"));
        }
    }
}

impl Keyed {
    fn read(settings: &Settings, problems: &mut Vec<Problem>) -> Option<Self> {
        let provider = settings.text("captcha.provider");
        let (site_key, secret) = (settings.text("captcha.site_key"), settings.password("captcha.secret"));
        let Some(provider) = provider.as_deref().and_then(Provider::read) else {
            for (name, is_set) in [("site_key", site_key.is_some()), ("secret", secret.is_some())] {
                if is_set {
                    let sentence = format!("captcha.{name} is set without captcha.provider");
                    problems.push(Problem::new(sentence).help("name whose key it is, or remove it"));
                }
            }
            return None;
        };
        for (name, is_missing) in [("site_key", site_key.is_none()), ("secret", secret.is_none())] {
            if is_missing {
                let sentence = format!("captcha.{name} must be set where there is a captcha.provider");
                problems
                    .push(Problem::new(sentence).help("the provider shows both keys of a site side by side"));
            }
        }
        let timeout = settings.span("captcha.timeout");
        if timeout > LONGEST_TIMEOUT {
            problems.push(Problem::new("captcha.timeout must be at most 30s"));
        }
        Some(Self {
            provider,
            site_key: site_key?,
            secret: Zeroizing::new(secret?.to_owned()),
            hostnames: settings.list("captcha.hostnames"),
            min_score: settings.share("captcha.min_score"),
            timeout,
            verify_url: settings.text("captcha.verify_url"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::testing::read;

    const PROVIDER: (&str, &str) = ("VESTIBULE_CAPTCHA__PROVIDER", "turnstile");
    const SITE_KEY: (&str, &str) = ("VESTIBULE_CAPTCHA__SITE_KEY", "public");
    const SECRET: (&str, &str) = ("VESTIBULE_CAPTCHA__SECRET", "hunter2");
    const VERIFY_URL: (&str, &str) = ("VESTIBULE_CAPTCHA__VERIFY_URL", "http://127.0.0.1:4711/");

    #[test]
    fn there_is_none_until_there_are_keys() {
        assert!(read(&[]).unwrap().captcha.keyed.is_none());
        let config = read(&[PROVIDER, SITE_KEY, SECRET]).unwrap();
        assert!(!format!("{config:?}").contains("hunter2"));
        let keyed = config.captcha.keyed.unwrap();
        assert_eq!((keyed.provider, keyed.min_score.to_string()), (Provider::Turnstile, "0.5".into()));
        assert_eq!((config.captcha.login_after_failures, config.captcha.allow_on_outage), (3, false));
    }

    #[test]
    fn keys_that_do_not_fit_together_are_refused() {
        for (environment, told) in [
            (&[PROVIDER][..], "captcha.site_key must be set"),
            (&[PROVIDER, SITE_KEY], "captcha.secret must be set"),
            (&[SITE_KEY], "captcha.site_key is set without captcha.provider"),
            (&[SECRET], "captcha.secret is set without captcha.provider"),
            (&[("VESTIBULE_CAPTCHA__PROVIDER", "captchas4u")], "captcha.provider"),
            (&[("VESTIBULE_CAPTCHA__MIN_SCORE", "1.5")], "must be a number from 0 to 1"),
            (&[("VESTIBULE_CAPTCHA__MIN_SCORE", "NaN")], "must be a number from 0 to 1"),
            (&[PROVIDER, SITE_KEY, SECRET, ("VESTIBULE_CAPTCHA__TIMEOUT", "31s")], "at most 30s"),
        ] {
            let refusal = read(environment).unwrap_err();
            assert!(refusal.contains(told) && !refusal.contains("hunter2"), "{refusal}");
        }
    }

    #[test]
    fn only_a_developer_asks_somebody_else_than_the_provider() {
        let https = ("VESTIBULE_PUBLIC_URL", "https://login.example.org");
        let no_mail = ("VESTIBULE_MAIL__MODE", "off");
        let keys = [PROVIDER, SITE_KEY, SECRET, VERIFY_URL];
        assert!(read(&keys).is_ok());
        let refusal = read(&[&keys[..], &[https, no_mail]].concat()).unwrap_err();
        assert!(refusal.contains("captcha.verify_url is refused in production"), "{refusal}");
    }
}
