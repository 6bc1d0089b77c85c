//! Choosing a password: the rules that every way to set one asks first.
//!
//! Stores nothing. Steered by `passwords.min_length`, `passwords.max_length`, `passwords.context_words` and, through
//! the port [`BreachedPasswords`], `passwords.breached_file`. Keeps out what is guessed first: the common, what names
//! its owner or the service, and what is known from breaches.
//!
//! A list of breached passwords that gives no answer refuses nobody: the other rules still hold, and a disk that fails
//! must not keep people from resetting their passwords. The failure is counted each time and logged once until the next
//! answer.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use crate::{
    Auth,
    ports::breached_passwords::{BreachedPasswords, PasswordSha1},
    values::{
        email::Email,
        password::{Password, PasswordOwner},
        rule::RuleViolation,
        username::Username,
    },
};

/// A password that somebody chose, and for whom.
#[derive(Clone, Copy, Debug)]
pub struct NewPassword<'a> {
    /// The password.
    pub password: &'a Password,
    /// How the request names its field.
    pub field: &'static str,
    /// The password typed a second time, where that is asked for.
    pub repeated: Option<&'a Password>,
    /// The user name of the account, where there is one.
    pub username: Option<&'a Username>,
    /// The e-mail address of the account, where it is known.
    pub email: Option<&'a Email>,
}

impl Auth {
    /// The rules that a new password breaks, in their order; none where it can be taken.
    pub async fn check_new_password(&self, new: NewPassword<'_>) -> Vec<RuleViolation> {
        let NewPassword { password, field, repeated, username, email } = new;
        let policy = &self.policy.passwords;
        let mut broken: Vec<_> = policy.check_shape(field, password).err().into_iter().collect();
        if broken.is_empty() {
            broken = policy.check_content(field, password, PasswordOwner { username, email });
            if self.breaches.contain(password).await {
                let message = "Password is known from a data breach";
                broken.push(RuleViolation::new(field, "password_breached", message));
            }
        }
        if repeated.is_some_and(|repeated| repeated != password) {
            broken.push(RuleViolation::new("password2", "passwords_mismatch", "Passwords mismatch"));
        }
        broken
    }
}

/// The list of breached passwords, if there is one, and whether it fails.
#[derive(Debug, Default)]
pub(crate) struct Breaches {
    list: Option<Arc<dyn BreachedPasswords>>,
    is_failing: AtomicBool,
}

impl Breaches {
    pub(crate) fn new(list: Option<Arc<dyn BreachedPasswords>>) -> Self {
        Self { list, is_failing: AtomicBool::new(false) }
    }

    async fn contain(&self, password: &Password) -> bool {
        let Some(list) = &self.list else { return false };
        match list.contains(PasswordSha1::of(password)).await {
            Ok(is_known) => {
                self.is_failing.store(false, Ordering::Relaxed);
                is_known
            }
            Err(error) => {
                metrics::counter!("vestibule_breached_checks_failed_total").increment(1);
                if !self.is_failing.swap(true, Ordering::Relaxed) {
                    tracing::warn!("{error}; until it does, passwords are taken without it");
                }
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use async_trait::async_trait;

    use super::*;
    use crate::ports::breached_passwords::BreachedPasswordsError;

    /// Gives the answers of a script; the last is given first.
    #[derive(Debug)]
    struct Script(Mutex<Vec<Option<bool>>>);

    #[async_trait]
    impl BreachedPasswords for Script {
        async fn contains(&self, _: PasswordSha1) -> Result<bool, BreachedPasswordsError> {
            let answer = self.0.lock().unwrap().pop().unwrap();
            answer.ok_or_else(|| BreachedPasswordsError("the disk is gone".into()))
        }
    }

    #[tokio::test]
    async fn a_list_that_fails_lets_the_password_pass_and_is_asked_again() {
        let script = vec![Some(true), None, None, Some(true), Some(false)];
        let breaches = Breaches::new(Some(Arc::new(Script(Mutex::new(script)))));
        let password = Password::new("hunter2 and hunter3");
        for (is_refused, is_failing) in
            [(false, false), (true, false), (false, true), (false, true), (true, false)]
        {
            assert_eq!(breaches.contain(&password).await, is_refused);
            assert_eq!(breaches.is_failing.load(Ordering::Relaxed), is_failing);
        }
    }

    #[tokio::test]
    async fn without_a_list_nothing_is_breached() {
        assert!(!Breaches::default().contain(&Password::new("password1")).await);
    }
}
