//! What a provider answers, and what follows from it.

use serde::Deserialize;
use vestibule_core::ports::captcha::{CaptchaAction, CaptchaOutage, CaptchaVerdict};

use crate::provider::Provider;

/// An answer. What is not in it that should be is no reason to believe it.
#[derive(Debug, Deserialize)]
pub(crate) struct Answer {
    success: bool,
    hostname: Option<String>,
    action: Option<String>,
    score: Option<f64>,
    #[serde(default, rename = "error-codes")]
    error_codes: Option<Vec<String>>,
}

/// What an answer has to say.
pub(crate) struct Expected<'a> {
    pub(crate) provider: Provider,
    pub(crate) hostnames: &'a [String],
    pub(crate) action: CaptchaAction,
    pub(crate) min_score: f64,
}

/// Codes that say that a key of ours is wrong.
const OUR_KEYS: [&str; 4] =
    ["missing-input-secret", "invalid-input-secret", "sitekey-secret-mismatch", "invalid-keys"];
/// Codes that say nothing about the token.
const NO_VERDICT: [&str; 2] = ["internal-error", "bad-request"];

impl Answer {
    /// Reads an answer.
    pub(crate) fn read(body: &[u8]) -> Result<Self, CaptchaOutage> {
        // What serde says of it could repeat a part of it.
        serde_json::from_slice(body)
            .map_err(|_| CaptchaOutage::Unclear("its answer cannot be understood".to_owned()))
    }

    /// Judges an answer.
    pub(crate) fn judge(&self, expected: &Expected<'_>) -> Result<CaptchaVerdict, CaptchaOutage> {
        if !self.success {
            return self.refuse();
        }
        let host = self.hostname.as_deref().unwrap_or_default();
        if !expected.hostnames.iter().any(|ours| ours.eq_ignore_ascii_case(host)) {
            return Ok(CaptchaVerdict::Refused("solved on another host"));
        }
        if expected.provider.tells_action() && self.action.as_deref() != Some(expected.action.as_str()) {
            return Ok(CaptchaVerdict::Refused("solved for another action"));
        }
        if !expected.provider.tells_score() {
            return Ok(CaptchaVerdict::Passed);
        }
        match self.score {
            // Not a number is no score.
            Some(score) if score >= expected.min_score => Ok(CaptchaVerdict::Passed),
            Some(_) => Ok(CaptchaVerdict::Refused("the score is too low")),
            None => Err(CaptchaOutage::Misconfigured(
                "there is no score: the keys are not of reCAPTCHA v3".into(),
            )),
        }
    }

    fn refuse(&self) -> Result<CaptchaVerdict, CaptchaOutage> {
        let codes = self.error_codes.as_deref().unwrap_or_default();
        let has = |known: &[&'static str]| {
            known.iter().find(|known| codes.iter().any(|code| code == *known)).copied()
        };
        if let Some(code) = has(&OUR_KEYS) {
            return Err(CaptchaOutage::Misconfigured(code.to_owned()));
        }
        if let Some(code) = has(&NO_VERDICT) {
            return Err(CaptchaOutage::Unclear(code.to_owned()));
        }
        let reason = has(&["timeout-or-duplicate", "expired-input-response", "already-seen-response"])
            .map_or("the token is not good", |_| "the token has expired or was used before");
        Ok(CaptchaVerdict::Refused(reason))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn judge(provider: Provider, answer: &serde_json::Value) -> Result<CaptchaVerdict, CaptchaOutage> {
        let expected = Expected {
            provider,
            hostnames: &["id.example.org".to_owned()],
            action: CaptchaAction::Login,
            min_score: 0.5,
        };
        Answer::read(answer.to_string().as_bytes()).and_then(|answer| answer.judge(&expected))
    }

    #[test]
    fn every_provider_believes_a_whole_answer_and_no_other() {
        let whole = json!({"success": true, "hostname": "ID.example.org", "action": "login", "score": 0.5});
        for provider in Provider::ALL {
            assert_eq!(judge(provider, &whole).unwrap(), CaptchaVerdict::Passed);
            for host in [json!("evil.example"), json!(null), json!(""), json!("id.example.org.evil.example")]
            {
                let mut answer = whole.clone();
                answer["hostname"] = host;
                assert!(matches!(judge(provider, &answer), Ok(CaptchaVerdict::Refused(_))), "{answer}");
            }
            for action in [json!("register"), json!(null), json!("")] {
                let mut answer = whole.clone();
                answer["action"] = action;
                let is_refused = matches!(judge(provider, &answer), Ok(CaptchaVerdict::Refused(_)));
                assert_eq!(is_refused, provider.tells_action(), "{provider:?} {answer}");
            }
            let mut answer = whole.clone();
            answer["score"] = json!(0.49);
            let is_refused = matches!(judge(provider, &answer), Ok(CaptchaVerdict::Refused(_)));
            assert_eq!(is_refused, provider == Provider::RecaptchaV3, "{provider:?}");
        }
    }

    #[test]
    fn keys_of_another_kind_are_our_mistake() {
        let answer = json!({"success": true, "hostname": "id.example.org", "action": "login"});
        assert!(matches!(judge(Provider::RecaptchaV3, &answer), Err(CaptchaOutage::Misconfigured(_))));
    }

    #[test]
    fn codes_tell_whose_fault_it_is() {
        for (codes, is_refused) in [
            (json!(["timeout-or-duplicate"]), true),
            (json!(["already-seen-response"]), true),
            (json!(["invalid-input-response"]), true),
            (json!(["something-new"]), true),
            (json!([]), true),
            (json!(null), true),
            (json!(["invalid-input-secret"]), false),
            (json!(["invalid-input-response", "sitekey-secret-mismatch"]), false),
            (json!(["internal-error"]), false),
            (json!(["bad-request"]), false),
        ] {
            let judged = judge(Provider::Turnstile, &json!({"success": false, "error-codes": codes}));
            assert_eq!(matches!(judged, Ok(CaptchaVerdict::Refused(_))), is_refused, "{codes}");
        }
    }

    #[test]
    fn garbage_is_no_answer() {
        for body in [
            "",
            "null",
            "[]",
            "{}",
            "<html>",
            "{\"success\": \"true\"}",
            "{\"success\": 1}",
            "{\"success\": false, \"success\": true}",
        ] {
            assert!(matches!(Answer::read(body.as_bytes()), Err(CaptchaOutage::Unclear(_))), "{body}");
        }
    }
}
