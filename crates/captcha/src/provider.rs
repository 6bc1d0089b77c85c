//! Whose captchas there are, and how they differ.

/// Whose captcha it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provider {
    /// Google's, where a box is ticked.
    RecaptchaV2,
    /// Google's, where nobody sees anything and each visitor has a score.
    RecaptchaV3,
    /// hCaptcha.
    Hcaptcha,
    /// Cloudflare's.
    Turnstile,
}

impl Provider {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::RecaptchaV2, Self::RecaptchaV3, Self::Hcaptcha, Self::Turnstile];

    /// The stable name, for configuration and pages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RecaptchaV2 => "recaptcha_v2",
            Self::RecaptchaV3 => "recaptcha_v3",
            Self::Hcaptcha => "hcaptcha",
            Self::Turnstile => "turnstile",
        }
    }

    /// Reads the stable name.
    #[must_use]
    pub fn read(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|provider| provider.as_str() == name)
    }

    /// Where tokens are verified.
    #[must_use]
    pub const fn verify_url(self) -> &'static str {
        match self {
            Self::RecaptchaV2 | Self::RecaptchaV3 => "https://www.google.com/recaptcha/api/siteverify",
            Self::Hcaptcha => "https://api.hcaptcha.com/siteverify",
            Self::Turnstile => "https://challenges.cloudflare.com/turnstile/v0/siteverify",
        }
    }

    /// Whether its answers say what a challenge was solved for.
    pub(crate) const fn tells_action(self) -> bool {
        matches!(self, Self::RecaptchaV3 | Self::Turnstile)
    }

    /// Whether its answers have a score that means something everywhere.
    pub(crate) const fn tells_score(self) -> bool {
        matches!(self, Self::RecaptchaV3)
    }
}
