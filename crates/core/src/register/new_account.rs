//! What a new account is made of: names and a password that follow the rules, and the link that proves the address.

use super::{Registration, RegistrationError};
use crate::{
    Auth,
    hooks::Before,
    new_password::NewPassword,
    outbox::Recipient,
    ports::{
        captcha::CaptchaAction,
        hooks::{Caller, Registering},
        profile::ProfileRefusal,
    },
    values::{
        account::{AccountId, FullName, NewAccount},
        client::ClientNetwork,
        email::Email,
        link::LinkPurpose,
        password::Password,
        profile::ProfileText,
        rule::RuleViolation,
        scope::Scopes,
        username::Username,
    },
};

/// Names that follow the rules, and the profile that does.
pub(super) struct Names {
    pub(super) email: Email,
    pub(super) username: Option<Username>,
    pub(super) full_name: Option<FullName>,
    pub(super) profile: Option<ProfileText>,
}

impl Names {
    pub(super) fn registering(&self, caller: Caller) -> Registering {
        Registering {
            email: self.email.as_typed().to_owned(),
            username: self.username.as_ref().map(|name| name.as_str().to_owned()),
            full_name: self.full_name.as_ref().map(|name| name.as_str().to_owned()),
            profile: self.profile.clone(),
            caller,
        }
    }
}

impl Auth {
    pub(super) async fn new_account(
        &self,
        registration: Registration,
    ) -> Result<NewAccount, RegistrationError> {
        let names = self.admit_names(&registration).await?;
        let Registration { password, client, device, language, .. } = registration;
        self.ask_hooks(|| Before::Register(names.registering(Caller::of(&client)))).await?;
        let account = self.hash_into_account(names, password, client.network()).await?;
        let place = self.place(account.id, &device, &client, account.created_at);
        self.with_invitation(NewAccount { language, devices: vec![place], ..account })
    }

    /// Adds the link that asks for a proof of the address.
    fn with_invitation(&self, account: NewAccount) -> Result<NewAccount, RegistrationError> {
        let recipient = Recipient {
            account_id: account.id,
            email: account.email.as_typed(),
            username: account.username.as_ref().map(Username::as_str),
            language: account.language,
        };
        let invitation = self.invite(recipient, &account.email, LinkPurpose::Confirm, account.created_at)?;
        Ok(NewAccount { invitation, ..account })
    }

    /// Checks every rule and then the captcha: a slip must not cost a solved one, and no program gets to where hashes are
    /// made and names looked up.
    pub(super) async fn admit_names(&self, registration: &Registration) -> Result<Names, RegistrationError> {
        let names = self.check(registration).await?;
        self.pass_captcha(registration.captcha.as_deref(), CaptchaAction::Register).await?;
        Ok(names)
    }

    /// Checks every rule, so that a person mends everything at once.
    async fn check(&self, registration: &Registration) -> Result<Names, RegistrationError> {
        let mut broken = Vec::new();
        let email = note(&mut broken, Email::parse(&registration.email));
        let username = registration.username.as_deref().map(|name| self.policy.usernames.parse(name));
        let username = username.and_then(|parsed| note(&mut broken, parsed));
        let new = NewPassword {
            password: &registration.password,
            field: registration.password_field,
            repeated: registration.repeated.as_ref(),
            username: username.as_ref(),
            email: email.as_ref(),
        };
        broken.extend(self.check_new_password(new).await);
        let full_name = FullName::parse(registration.full_name.as_deref().unwrap_or_default());
        let full_name = note(&mut broken, full_name).flatten();
        let profile = match self.first_profile(registration.profile.as_ref()) {
            Ok(profile) => profile,
            Err(ProfileRefusal::Rules(rules)) => {
                broken.extend(rules);
                None
            }
            Err(other) => return Err(RegistrationError::Profile(other)),
        };
        match email {
            Some(email) if broken.is_empty() => Ok(Names { email, username, full_name, profile }),
            _ => Err(RegistrationError::Rules(broken)),
        }
    }

    pub(super) async fn hash_into_account(
        &self,
        names: Names,
        password: Password,
        network: ClientNetwork,
    ) -> Result<NewAccount, RegistrationError> {
        let hash = self.hasher.hash(password, network).await?;
        let created_at = self.clock.now();
        Ok(NewAccount {
            id: AccountId::new(created_at),
            email: names.email,
            username: names.username,
            full_name: names.full_name,
            password_hash: Some(hash),
            confirmed: false,
            permissions: Scopes::none(),
            language: None,
            invitation: None,
            devices: Vec::new(),
            announcer: self.announcer(created_at),
            profile: names.profile,
            created_at,
        })
    }
}

pub(super) fn note<T>(broken: &mut Vec<RuleViolation>, parsed: Result<T, RuleViolation>) -> Option<T> {
    parsed.map_err(|violation| broken.push(violation)).ok()
}
