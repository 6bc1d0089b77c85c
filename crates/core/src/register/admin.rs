//! Administrators that whoever owns the machine makes.

use super::{RegistrationError, new_account::Names};
use crate::{
    Auth,
    new_password::NewPassword,
    ports::{
        audit::{AuditEvent, AuditKind},
        clock::Timestamp,
        store::{AccountChange, AccountChanged, PermissionChange},
    },
    values::{
        account::{Account, AccountId},
        client::ClientNetwork,
        email::Email,
        password::Password,
        scope::{ADMIN, Scopes},
        username::LoginName,
    },
};

/// What [`Auth::create_admin`] did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AdminCreation {
    /// A new account was made.
    Created(Account),
    /// The account existed and has the permission now; its password is unchanged.
    Promoted(Account),
}

impl Auth {
    /// Makes an account with the permission `admin`, or gives an existing one that permission.
    ///
    /// Reserved user names are allowed; whoever calls this owns the machine.
    ///
    /// # Errors
    /// As [`Self::register`]; [`RegistrationError::Taken`] where address and user name belong to two accounts, and
    /// [`RegistrationError::Unproved`] where nobody has proved that the address of the existing one is theirs.
    ///
    /// # Security
    /// An address that nobody has proved says nothing of who registered it: they would be the administrator.
    pub async fn create_admin(
        &self,
        email: &str,
        username: &str,
        password: Password,
    ) -> Result<AdminCreation, RegistrationError> {
        let now = self.clock.now();
        let names = Names {
            email: Email::parse(email).map_err(|broken| RegistrationError::Rules(vec![broken]))?,
            username: Some(
                self.policy
                    .usernames
                    .parse_exempt(username)
                    .map_err(|broken| RegistrationError::Rules(vec![broken]))?,
            ),
            full_name: None,
            profile: None,
        };
        if let Some(id) = self.find_same_account(&names).await? {
            return self.promote(id, now).await;
        }
        let new = NewPassword {
            password: &password,
            field: "password",
            repeated: None,
            username: names.username.as_ref(),
            email: Some(&names.email),
        };
        let broken = self.check_new_password(new).await;
        if !broken.is_empty() {
            return Err(RegistrationError::Rules(broken));
        }
        let mut account = self.hash_into_account(names, password, ClientNetwork::LOCAL).await?;
        account.permissions.insert(ADMIN);
        account.confirmed = true;
        let account = self.insert(account, None).await?;
        let event = AuditEvent::of_operator(now, AuditKind::Promote, Some(account.id), "created");
        self.audit.write_now(event).await;
        Ok(AdminCreation::Created(account))
    }

    /// The account that is meant; `None` where neither name is taken.
    ///
    /// An account without a user name is meant by its address alone, as long as the user name is nobody else's.
    async fn find_same_account(&self, names: &Names) -> Result<Option<AccountId>, RegistrationError> {
        let by_email = LoginName::Email(names.email.canonical().to_owned());
        let by_username =
            names.username.as_ref().map_or(LoginName::Neither, |name| LoginName::Username(name.canonical()));
        let by_email = self.store.find_credentials(&by_email).await?.map(|found| found.account);
        let by_username = self.store.find_credentials(&by_username).await?.map(|found| found.account);
        let account = match (by_email, by_username) {
            (None, None) => return Ok(None),
            (Some(account), None) if account.username.is_none() => account,
            (Some(one), Some(other)) if one.id == other.id => one,
            (email, username) => {
                let (email, username) = (email.is_some(), username.is_some());
                return Err(RegistrationError::Taken { email, username });
            }
        };
        if account.confirmed { Ok(Some(account.id)) } else { Err(RegistrationError::Unproved) }
    }

    async fn promote(&self, id: AccountId, now: Timestamp) -> Result<AdminCreation, RegistrationError> {
        let change = AccountChange {
            permissions: Some(PermissionChange::Add(Scopes::read(ADMIN))),
            announcer: self.announcer(now),
            ..AccountChange::of(id, now)
        };
        let AccountChanged::Changed { after: account, .. } = self.store.change_account(change).await? else {
            // It is gone since it was found.
            return Err(RegistrationError::Taken { email: true, username: true });
        };
        self.wake_outbox();
        let event = AuditEvent::of_operator(now, AuditKind::Promote, Some(id), "promoted");
        self.audit.write_now(event).await;
        Ok(AdminCreation::Promoted(account))
    }
}
