//! Telling people from programs.

use std::fmt;

use async_trait::async_trait;

/// Says whether a person solved the challenge that a page showed.
///
/// What a solved challenge leaves behind is its token; a page sends it along with what it wants to do. A token is good
/// once, and that is the provider's to know: nothing here asks about one twice.
#[async_trait]
pub trait Captcha: Send + Sync + fmt::Debug {
    /// What a page needs to show the challenge. It is public.
    fn challenge(&self) -> CaptchaChallenge;

    /// Verifies the token of a challenge that was solved for `action`.
    ///
    /// # Errors
    /// [`CaptchaOutage`]: nothing is known about the token, which may be used up all the same.
    async fn verify(&self, token: &str, action: CaptchaAction) -> Result<CaptchaVerdict, CaptchaOutage>;
}

/// What a page needs to show a challenge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaptchaChallenge {
    /// Whose challenge it is, for example `turnstile`.
    pub provider: &'static str,
    /// The public key under which the provider knows this site.
    pub site_key: String,
}

/// What a challenge is solved for. A page tells its provider, and the answer has to fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CaptchaAction {
    /// Making an account.
    Register,
    /// Logging in.
    Login,
}

impl CaptchaAction {
    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::Login => "login",
        }
    }
}

/// What became of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CaptchaVerdict {
    /// A person, as far as anybody can tell.
    Passed,
    /// The token does not count; why, for the log. It must not repeat what the caller sent.
    Refused(&'static str),
}

/// Nobody can say. What it prints goes into logs, so it must repeat neither the token nor a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CaptchaOutage {
    /// The provider is away, or says nothing that can be understood.
    #[error("the captcha's provider is away: {0}")]
    Away(String),
    /// The provider does not know us: a secret or a key is wrong. Nobody is let through for that.
    #[error("the captcha's provider refuses our keys: {0}")]
    Misconfigured(String),
}
