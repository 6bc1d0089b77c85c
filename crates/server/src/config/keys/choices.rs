//! The words that some keys take.

/// What another system can be told of.
pub const EVENTS: &[&str] = &[
    "user.registered",
    "user.email_confirmed",
    "user.email_changed",
    "user.username_changed",
    "user.full_name_changed",
    "user.password_changed",
    "user.permissions_changed",
    "user.disabled",
    "user.enabled",
    "user.deleted",
];

/// The algorithms that sign access tokens.
pub const ALGORITHMS: &[&str] = &["EdDSA", "ES256", "RS256"];

/// Whose captchas there are.
pub const CAPTCHA_PROVIDERS: &[&str] = &["recaptcha_v2", "recaptcha_v3", "hcaptcha", "turnstile"];
