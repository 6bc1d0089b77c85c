//! The shape of every error on the wire.

use std::borrow::Cow;

use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;
use vestibule_core::ports::captcha::CaptchaChallenge;

/// One field that is wrong, in a problem's `errors`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// The field, as the request names it.
    #[schema(value_type = String, example = "username")]
    pub field: Cow<'static, str>,
    /// What is wrong, as a stable code.
    #[schema(value_type = String, example = "missing")]
    pub code: &'static str,
    /// What is wrong, as a sentence; it never repeats the value.
    #[schema(value_type = String)]
    pub message: Cow<'static, str>,
}

/// The body of an error, `application/problem+json` (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
pub struct Problem {
    /// A stable URI of the kind of error: `urn:vestibule:problem:` and the code.
    #[serde(rename = "type")]
    #[schema(example = "urn:vestibule:problem:not_found")]
    pub type_uri: String,
    /// The status in words.
    #[schema(value_type = String, example = "Not Found")]
    pub title: &'static str,
    /// The HTTP status.
    #[schema(example = 404)]
    pub status: u16,
    /// What went wrong, as a sentence.
    #[schema(value_type = String)]
    pub detail: Cow<'static, str>,
    /// The stable code; `docs/errors.md` lists them.
    #[schema(value_type = String, example = "not_found")]
    pub code: &'static str,
    /// `functional`: the caller can do something about it. `technical`: the server is at fault.
    #[schema(value_type = String, example = "functional")]
    pub kind: &'static str,
    /// Names this one error in the server's log.
    pub id: Uuid,
    /// The fields that are wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// The captcha to solve; of a `captcha_failed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub captcha: Option<CaptchaBody>,
}

/// What a page needs to show a captcha.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Captcha)]
pub struct CaptchaBody {
    /// Whose it is: `recaptcha_v2`, `recaptcha_v3`, `hcaptcha` or `turnstile`.
    #[schema(value_type = String, example = "turnstile")]
    pub provider: &'static str,
    /// The public key under which the provider knows this site.
    #[schema(example = "0x4AAAAAAA")]
    pub site_key: String,
}

impl From<CaptchaChallenge> for CaptchaBody {
    fn from(challenge: CaptchaChallenge) -> Self {
        Self { provider: challenge.provider, site_key: challenge.site_key }
    }
}
