//! Accounts that the operator of the machine makes for others.

use super::{
    RegistrationError,
    new_account::{Names, note},
};
use crate::{
    Auth,
    administration::Administrator,
    new_password::NewPassword,
    ports::audit::{AuditEvent, AuditKind},
    values::{
        account::{Account, AccountId, FullName, NewAccount},
        client::ClientNetwork,
        email::Email,
        password::Password,
        rule::RuleViolation,
        scope::Scopes,
    },
};

/// An account that an operator wants to be made.
#[derive(Debug)]
pub struct NewUser {
    /// The e-mail address, as typed.
    pub email: String,
    /// The user name, as typed; reserved ones are allowed.
    pub username: Option<String>,
    /// The person's name, as typed.
    pub full_name: Option<String>,
    /// The password; `None` for an account that cannot log in before one is set.
    pub password: Option<Password>,
    /// Whether the address counts as proved.
    pub confirmed: bool,
}

impl Auth {
    /// Makes an account for somebody else, also where registration is switched off.
    ///
    /// # Errors
    /// As [`Auth::register`].
    pub async fn create_user(&self, _: &Administrator, user: NewUser) -> Result<Account, RegistrationError> {
        let confirmed = user.confirmed;
        let (names, password) = self.check_user(user).await.map_err(RegistrationError::Rules)?;
        let account = match password {
            Some(password) => self.hash_into_account(names, password, ClientNetwork::LOCAL).await?,
            None => self.without_password(names),
        };
        let account = self.insert(NewAccount { confirmed, ..account }, None).await?;
        let now = self.clock.now();
        let event = AuditEvent::of_operator(now, AuditKind::Register, Some(account.id), "operator");
        self.audit.write_now(event).await;
        Ok(account)
    }

    async fn check_user(&self, user: NewUser) -> Result<(Names, Option<Password>), Vec<RuleViolation>> {
        let mut broken = Vec::new();
        let email = note(&mut broken, Email::parse(&user.email));
        let username = user.username.map(|name| self.policy.usernames.parse_exempt(&name));
        let username = username.and_then(|parsed| note(&mut broken, parsed));
        if let Some(password) = &user.password {
            let new = NewPassword {
                password,
                field: "password",
                repeated: None,
                username: username.as_ref(),
                email: email.as_ref(),
            };
            broken.extend(self.check_new_password(new).await);
        }
        let full_name = FullName::parse(user.full_name.as_deref().unwrap_or_default());
        let full_name = note(&mut broken, full_name).flatten();
        match email {
            Some(email) if broken.is_empty() => {
                Ok((Names { email, username, full_name, profile: None }, user.password))
            }
            _ => Err(broken),
        }
    }

    fn without_password(&self, names: Names) -> NewAccount {
        let created_at = self.clock.now();
        NewAccount {
            id: AccountId::new(created_at),
            email: names.email,
            username: names.username,
            full_name: names.full_name,
            password_hash: None,
            confirmed: false,
            permissions: Scopes::none(),
            language: None,
            invitation: None,
            devices: Vec::new(),
            announcer: self.announcer(created_at),
            profile: None,
            created_at,
        }
    }
}
