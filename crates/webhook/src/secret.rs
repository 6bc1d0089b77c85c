//! The secret that sender and receiver share.

use std::{fmt, str::FromStr};

use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

const PREFIX: &str = "whsec_";

/// The secret that sender and receiver share, as Standard Webhooks writes it: `whsec_` and the base64 of 24 to 64 bytes.
/// It does not print.
#[derive(Clone)]
pub struct WebhookSecret(hmac::Key);

/// A text that is no secret; it is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it must be whsec_ and the base64 of 24 to 64 random bytes")]
pub struct NoWebhookSecret;

impl FromStr for WebhookSecret {
    type Err = NoWebhookSecret;

    fn from_str(text: &str) -> Result<Self, NoWebhookSecret> {
        let encoded = text.trim().strip_prefix(PREFIX).ok_or(NoWebhookSecret)?;
        let bytes = Zeroizing::new(STANDARD.decode(encoded).map_err(|_| NoWebhookSecret)?);
        let is_all_the_same = bytes.windows(2).all(|pair| pair.first() == pair.last());
        if !(24..=64).contains(&bytes.len()) || is_all_the_same {
            return Err(NoWebhookSecret);
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(…)")
    }
}

impl WebhookSecret {
    /// The signature of a message, as the header has it.
    pub(crate) fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(format!("{id}.{timestamp}.").as_bytes());
        context.update(body);
        format!("v1,{}", STANDARD.encode(context.sign()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification and of its reference libraries.
    #[test]
    fn signatures_are_those_of_standard_webhooks() {
        let secret: WebhookSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse().unwrap();
        let signature = secret.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, b"{\"test\": 2432232314}");
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn secrets_are_read_strictly_and_do_not_print() {
        let good = format!("whsec_{}", STANDARD.encode((0..32).collect::<Vec<u8>>()));
        assert_eq!(format!("{:?}", good.parse::<WebhookSecret>().unwrap()), "WebhookSecret(…)");
        let short = format!("whsec_{}", STANDARD.encode((0..23).collect::<Vec<u8>>()));
        let long = format!("whsec_{}", STANDARD.encode((0..65).collect::<Vec<u8>>()));
        let same = format!("whsec_{}", STANDARD.encode([7; 32]));
        for bad in ["", "whsec_", "secret", "whsec_???", &good[6..], &short, &long, &same] {
            assert!(bad.parse::<WebhookSecret>().is_err(), "{bad}");
        }
    }
}
