//! Telling people from programs.

use std::fmt;

use async_trait::async_trait;

/// Says whether a person solved the challenge that a page showed.
///
/// What a solved challenge leaves behind is its token; a page sends it along with what it wants to do. A token is good
/// once, and that is the provider's to know: nothing here asks about one twice.
///
/// `vestibule-captcha` asks the usual providers. What an application makes itself is given to the engine with
/// [`AuthBuilder::captcha`](crate::AuthBuilder::captcha), and its pages read [`challenge`](Self::challenge) from the answers
/// that ask for a captcha.
///
/// ```
/// use std::{collections::HashMap, sync::{Mutex, PoisonError}};
///
/// use async_trait::async_trait;
/// use vestibule_core::ports::{
///     Captcha,
///     captcha::{CaptchaAction, CaptchaChallenge, CaptchaOutage, CaptchaVerdict},
/// };
///
/// /// A desk of our own, where a person looks at whoever wants in and hands out tokens, each for one action.
/// #[derive(Debug, Default)]
/// struct Desk {
///     handed_out: Mutex<HashMap<String, CaptchaAction>>,
/// }
///
/// #[async_trait]
/// impl Captcha for Desk {
///     fn challenge(&self) -> CaptchaChallenge {
///         CaptchaChallenge { provider: "desk", site_key: "room 7".into() }
///     }
///
///     async fn verify(&self, token: &str, action: CaptchaAction) -> Result<CaptchaVerdict, CaptchaOutage> {
///         // Found and used up in one step: good once, however many come with it.
///         let found = self.handed_out.lock().unwrap_or_else(PoisonError::into_inner).remove(token);
///         Ok(match found {
///             Some(own) if own == action => CaptchaVerdict::Passed,
///             Some(_) => CaptchaVerdict::Refused("for another action"),
///             None => CaptchaVerdict::Refused("unknown or used"),
///         })
///     }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let desk = Desk::default();
/// desk.handed_out.lock().unwrap().insert("blue-17".into(), CaptchaAction::Register);
/// assert_eq!(desk.verify("blue-17", CaptchaAction::Register).await?, CaptchaVerdict::Passed);
/// assert!(matches!(desk.verify("blue-17", CaptchaAction::Register).await?, CaptchaVerdict::Refused(_)));
/// # Ok::<_, CaptchaOutage>(()) }).unwrap();
/// ```
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
    /// The provider answers, but neither yes nor no: perhaps for this token alone.
    #[error("the captcha's provider gives no verdict: {0}")]
    Unclear(String),
    /// The provider does not know us: a secret or a key is wrong. Nobody is let through for that.
    #[error("the captcha's provider refuses our keys: {0}")]
    Misconfigured(String),
}
