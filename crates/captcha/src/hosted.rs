//! The port implemented by a provider.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use vestibule_core::ports::captcha::{
    Captcha, CaptchaAction, CaptchaChallenge, CaptchaOutage, CaptchaVerdict,
};
use vestibule_egress::{Destination, Egress};
use zeroize::Zeroizing;

use crate::{
    answer::{Answer, Expected},
    provider::Provider,
};

/// Answers are a few hundred bytes.
const ANSWER_LIMIT_BYTES: usize = 16 * 1024;

/// How a provider is asked.
#[derive(Clone)]
pub struct HostedCaptchaOptions {
    /// Whose captcha it is.
    pub provider: Provider,
    /// The public key.
    pub site_key: String,
    /// The key that the provider knows us by.
    pub secret: Zeroizing<String>,
    /// The hosts of the pages where challenges may be solved.
    pub hostnames: Vec<String>,
    /// The least score that passes, from 0 to 1, where there are scores.
    pub min_score: f64,
    /// How long an answer may take, connecting included.
    pub timeout: Duration,
}

impl fmt::Debug for HostedCaptchaOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostedCaptchaOptions")
            .field("provider", &self.provider)
            .field("hostnames", &self.hostnames)
            .finish_non_exhaustive()
    }
}

/// A captcha that a provider verifies.
#[derive(Debug)]
pub struct HostedCaptcha {
    egress: Arc<Egress>,
    destination: Destination,
    options: HostedCaptchaOptions,
}

impl HostedCaptcha {
    /// Makes nothing yet but this. The destination is [`Provider::verify_url`], unless a test has a provider of its own.
    #[must_use]
    pub fn new(egress: Arc<Egress>, destination: Destination, options: HostedCaptchaOptions) -> Self {
        let destination = destination.with_timeout(options.timeout).with_answer_limit(ANSWER_LIMIT_BYTES);
        Self { egress, destination, options }
    }
}

#[async_trait]
impl Captcha for HostedCaptcha {
    fn challenge(&self) -> CaptchaChallenge {
        let Self { options, .. } = self;
        CaptchaChallenge { provider: options.provider.as_str(), site_key: options.site_key.clone() }
    }

    async fn verify(&self, token: &str, action: CaptchaAction) -> Result<CaptchaVerdict, CaptchaOutage> {
        let HostedCaptchaOptions { provider, site_key, secret, hostnames, min_score, .. } = &self.options;
        let mut fields = vec![("secret", secret.as_str()), ("response", token)];
        if *provider == Provider::Hcaptcha {
            // Otherwise a token of any other site of the same owner would do.
            fields.push(("sitekey", site_key));
        }
        // Once: a question whose answer was lost has used the token up, and a second one would call it a duplicate.
        let answer = self.egress.post_form(&self.destination, &fields).await;
        let answer = answer.map_err(|error| CaptchaOutage::Away(error.to_string()))?;
        let status = answer.status();
        if status.is_server_error() || status.is_redirection() || status.as_u16() == 429 {
            return Err(CaptchaOutage::Away(format!("it answered {}", status.as_u16())));
        }
        let expected = Expected { provider: *provider, hostnames, action, min_score: *min_score };
        Answer::read(answer.body())?.judge(&expected)
    }
}
