//! Callbacks of the application that the library is part of.
//!
//! Every method does nothing unless it is written. Those called *before* something is done may veto it; those called
//! *after* it are told, and undo nothing.
//!
//! ```
//! use async_trait::async_trait;
//! use vestibule_core::ports::hooks::{Hooks, HookFailure, Registering, Verdict};
//!
//! #[derive(Debug)]
//! struct OurPeople;
//!
//! #[async_trait]
//! impl Hooks for OurPeople {
//!     async fn before_register(&self, event: &Registering) -> Result<Verdict, HookFailure> {
//!         Ok(match event.email.ends_with("@example.org") {
//!             true => Verdict::Proceed,
//!             false => Verdict::veto("Only addresses of example.org can register"),
//!         })
//!     }
//! }
//! ```
//!
//! # Errors
//! An `Err`, a panic, and no answer within `hooks.patience` of the policy are failures. Before something is done they
//! keep it from being done, and the request fails as by a fault of ours: a check that does not work lets nobody pass.
//! After it they are logged.
//!
//! # Security
//! Nothing that is told has a password, a hash or a token in it. What an application does in a hook is done while
//! somebody waits for an answer; a hook of the login that takes longer for some people tells the others who they are.

mod events;

use std::{error::Error, fmt};

use async_trait::async_trait;

pub use self::events::{
    Caller, Changed, Concerning, Deletion, EmailChange, LogIn, LogOut, PasswordReason, PasswordSetting,
    ProfileChange, Registering, UsernameChange,
};

/// The longest message of a veto, in characters.
const MAX_MESSAGE: usize = 200;
const NO_MESSAGE: &str = "The application does not allow this";

/// A hook that did not work; it is logged and shown to nobody.
pub type HookFailure = Box<dyn Error + Send + Sync>;

/// The application's callbacks.
#[async_trait]
pub trait Hooks: fmt::Debug + Send + Sync {
    /// Somebody registers, with names and a password that follow the rules.
    async fn before_register(&self, _event: &Registering) -> Result<Verdict, HookFailure> {
        Ok(Verdict::Proceed)
    }

    /// There is a new account. Its first session is no login.
    async fn after_register(&self, _event: &Concerning) -> Result<(), HookFailure> {
        Ok(())
    }

    /// Somebody logs in with the right password, and could.
    async fn before_login(&self, _event: &Concerning) -> Result<Verdict, HookFailure> {
        Ok(Verdict::Proceed)
    }

    /// Somebody is logged in.
    async fn after_login(&self, _event: &LogIn) -> Result<(), HookFailure> {
        Ok(())
    }

    /// Somebody logs out. It cannot be vetoed: nobody is kept logged in.
    async fn before_logout(&self, _event: &LogOut) -> Result<(), HookFailure> {
        Ok(())
    }

    /// Somebody is logged out.
    async fn after_logout(&self, _event: &LogOut) -> Result<(), HookFailure> {
        Ok(())
    }

    /// A user name is changed to another one that follows the rules. Whether it is taken, nobody knows yet.
    async fn before_username_change(&self, _event: &UsernameChange) -> Result<Verdict, HookFailure> {
        Ok(Verdict::Proceed)
    }

    /// A user name is another one.
    async fn after_username_change(&self, _event: &Changed) -> Result<(), HookFailure> {
        Ok(())
    }

    /// Another address is asked for; it counts once it is confirmed, unless an administrator sets it.
    async fn before_email_change(&self, _event: &EmailChange) -> Result<Verdict, HookFailure> {
        Ok(Verdict::Proceed)
    }

    /// An address is another one.
    async fn after_email_change(&self, _event: &Changed) -> Result<(), HookFailure> {
        Ok(())
    }

    /// An address has been confirmed by whoever reads its mail.
    async fn after_email_confirmed(&self, _event: &Concerning) -> Result<(), HookFailure> {
        Ok(())
    }

    /// What the application keeps with an account is changed to something that follows its rules.
    async fn before_profile_change(&self, _event: &ProfileChange) -> Result<Verdict, HookFailure> {
        Ok(Verdict::Proceed)
    }

    /// What the application keeps with an account is something else, or has been written anew.
    async fn after_profile_change(&self, _event: &Changed) -> Result<(), HookFailure> {
        Ok(())
    }

    /// A password is changed, set for the first time or reset, to one that follows the rules.
    async fn before_password_change(&self, _event: &PasswordSetting) -> Result<Verdict, HookFailure> {
        Ok(Verdict::Proceed)
    }

    /// A password is another one.
    async fn after_password_change(&self, _event: &PasswordSetting) -> Result<(), HookFailure> {
        Ok(())
    }

    /// Somebody asks for the deletion of their account, or an administrator deletes one.
    async fn before_account_deletion(&self, _event: &Concerning) -> Result<Verdict, HookFailure> {
        Ok(Verdict::Proceed)
    }

    /// Somebody has asked for the deletion of their account: it is out of use, and gone after the grace.
    async fn after_deletion_requested(&self, _event: &Concerning) -> Result<(), HookFailure> {
        Ok(())
    }

    /// An account is gone.
    async fn after_account_deletion(&self, _event: &Deletion) -> Result<(), HookFailure> {
        Ok(())
    }

    /// An administrator has changed an account: disabled or enabled it, or changed what it may do or is called.
    async fn after_administration(&self, _event: &Changed) -> Result<(), HookFailure> {
        Ok(())
    }
}

/// What becomes of something that is about to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is done.
    Proceed,
    /// It is not, and the caller is told why: 400 `vetoed`.
    Veto(Veto),
}

impl Verdict {
    /// Refuses, with a sentence for the caller. It is shown as it is: it should repeat nothing of the request.
    ///
    /// Control characters become spaces, and what is longer than 200 characters is cut.
    #[must_use]
    pub fn veto(message: impl AsRef<str>) -> Self {
        let kept = message.as_ref().trim().chars().take(MAX_MESSAGE);
        let message: String = kept.map(|c| if c.is_control() { ' ' } else { c }).collect();
        Self::Veto(Veto { message: if message.is_empty() { NO_MESSAGE.to_owned() } else { message } })
    }
}

/// A refusal of the application's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Veto {
    message: String,
}

impl Veto {
    /// The sentence for the caller.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

/// Why a hook keeps something from being done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HookError {
    /// The application does not want it.
    #[error("the application vetoed it: {}", .0.message)]
    Vetoed(Veto),
    /// The hook failed, panicked, or did not answer in time.
    #[error("the hook {hook} failed: {cause}")]
    Failed {
        /// Which.
        hook: &'static str,
        /// Why.
        cause: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_of_a_veto_is_one_short_line() {
        for (said, shown) in [
            ("No.", "No."),
            ("  ", NO_MESSAGE),
            ("", NO_MESSAGE),
            ("a\r\nb\u{7}\u{1b}[31m", "a  b  [31m"),
            (" Nein, ö. ", "Nein, ö."),
        ] {
            let Verdict::Veto(veto) = Verdict::veto(said) else { panic!() };
            assert_eq!(veto.message(), shown);
        }
        let Verdict::Veto(veto) = Verdict::veto("ö".repeat(1000)) else { panic!() };
        assert_eq!(veto.message().chars().count(), MAX_MESSAGE);
    }
}
