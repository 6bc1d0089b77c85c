//! Making an account.
//!
//! Stores the account and, where somebody registers for themselves, their first session, in one step. Steered by
//! `registration.*`, `throttle.registrations`, `usernames.*` and `passwords.*`. Nothing but names and the password is
//! taken from the request: no caller can confirm, activate or promote themselves.

mod by_operator;
mod limit;

use std::{sync::Arc, time::Duration};

pub use self::by_operator::NewUser;

use crate::{
    Auth,
    detach::to_the_end,
    login::LoggedIn,
    new_password::NewPassword,
    outbox::Recipient,
    ports::{
        audit::{AuditEvent, AuditKind, AuditOutcome},
        clock::Timestamp,
        hasher::HashError,
        store::{Insertion, StoreError},
    },
    token::SigningError,
    values::{
        account::{Account, AccountId, FullName, NewAccount},
        client::{Client, ClientNetwork},
        email::Email,
        language::Language,
        link::LinkPurpose,
        password::Password,
        rule::RuleViolation,
        scope::{ADMIN, Scopes},
        session::{NewSession, SessionId},
        username::{LoginName, Username},
    },
};

/// Somebody who wants an account.
#[derive(Debug)]
pub struct Registration {
    /// The e-mail address, as typed.
    pub email: String,
    /// The user name, as typed; `None` where the route does not ask for one.
    pub username: Option<String>,
    /// The person's name, as typed.
    pub full_name: Option<String>,
    /// The password, and how the request names it.
    pub password: Password,
    /// The field that rule violations of the password name.
    pub password_field: &'static str,
    /// The password typed a second time, where the route asks for that.
    pub repeated: Option<Password>,
    /// The language to write in, where the caller named one.
    pub language: Option<Language>,
    /// Who is calling.
    pub client: Client,
}

/// Why there is no account.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistrationError {
    /// Nobody may register for themselves here.
    #[error("registration is switched off")]
    Disabled,
    /// Too many registrations from this network.
    #[error("too many registrations; again in {} s", retry_after.as_secs())]
    RateLimited {
        /// When the window ends.
        retry_after: Duration,
    },
    /// A name or the password breaks a rule; never empty.
    #[error("{} rules are broken", .0.len())]
    Rules(Vec<RuleViolation>),
    /// At least one of the names belongs to somebody.
    #[error("a name is taken")]
    Taken {
        /// The address does.
        email: bool,
        /// The user name does.
        username: bool,
    },
    /// The password could not be hashed.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The store could not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The tokens could not be made.
    #[error(transparent)]
    Signing(#[from] SigningError),
}

/// What a registration has led to.
#[derive(Clone, Debug)]
pub enum Registered {
    /// An account, and the first session of it.
    LoggedIn(LoggedIn),
    /// An account whose owner has to prove their address before they log in.
    Unconfirmed(Account),
}

/// What [`Auth::create_admin`] did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AdminCreation {
    /// A new account was made.
    Created(Account),
    /// The account existed and has the permission now; its password is unchanged.
    Promoted(Account),
}

/// Names that follow the rules.
struct Names {
    email: Email,
    username: Option<Username>,
    full_name: Option<FullName>,
}

impl Auth {
    /// Makes an account.
    ///
    /// # Errors
    /// [`RegistrationError`]; every broken rule is named, in the order e-mail, username, password.
    ///
    /// # Security
    /// It is counted before the work, so that parallel registrations cannot outrun the limit.
    pub async fn register(
        self: &Arc<Self>,
        registration: Registration,
    ) -> Result<Account, RegistrationError> {
        let attempt = self.begin_registration(&registration).await?;
        let outcome = self.make_account(registration).await;
        self.end_registration(attempt, outcome).await
    }

    async fn make_account(
        self: &Arc<Self>,
        registration: Registration,
    ) -> Result<Account, RegistrationError> {
        let client = registration.client.clone();
        let account = self.new_account(registration).await?;
        let auth = Arc::clone(self);
        to_the_end(async move {
            let account = auth.insert(account, None).await?;
            auth.record_registration(&account, &client);
            Ok(account)
        })
        .await
    }

    /// Makes an account and logs its owner in, unless they have to prove their address first; the session whose cookie
    /// came along ends with the login.
    ///
    /// # Errors
    /// As [`Self::register`].
    pub async fn register_and_log_in(
        self: &Arc<Self>,
        registration: Registration,
        replaces: Option<SessionId>,
    ) -> Result<Registered, RegistrationError> {
        if self.policy.registration.requires_confirmation {
            return self.register(registration).await.map(Registered::Unconfirmed);
        }
        let attempt = self.begin_registration(&registration).await?;
        let outcome = self.make_account_with_session(registration, replaces).await;
        self.end_registration(attempt, outcome).await
    }

    async fn make_account_with_session(
        self: &Arc<Self>,
        registration: Registration,
        replaces: Option<SessionId>,
    ) -> Result<Registered, RegistrationError> {
        let client = registration.client.clone();
        let account = self.new_account(registration).await?;
        // Nobody can have cut off an account that does not exist, but everybody may have been cut off.
        let cutoff_at = self.revocations.everyone();
        let session = NewSession {
            replaces,
            ..self.new_session(account.id, Scopes::none(), cutoff_at, client.clone())
        };
        let auth = Arc::clone(self);
        to_the_end(async move {
            let account = auth.insert(account, Some(session.clone())).await?;
            metrics::counter!("vestibule_sessions_opened_total").increment(1);
            auth.record_registration(&account, &client);
            Ok(Registered::LoggedIn(auth.hand_out(account, &session)?))
        })
        .await
    }

    /// Makes an account with the permission `admin`, or gives an existing one that permission.
    ///
    /// Reserved user names are allowed; whoever calls this owns the machine.
    ///
    /// # Errors
    /// As [`Self::register`]; [`RegistrationError::Taken`] where address and user name belong to two accounts.
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
        match (by_email, by_username) {
            (None, None) => Ok(None),
            (Some(account), None) if account.username.is_none() => Ok(Some(account.id)),
            (Some(one), Some(other)) if one.id == other.id => Ok(Some(one.id)),
            (email, username) => {
                Err(RegistrationError::Taken { email: email.is_some(), username: username.is_some() })
            }
        }
    }

    async fn promote(&self, id: AccountId, now: Timestamp) -> Result<AdminCreation, RegistrationError> {
        let Some(account) = self.store.insert_permission(id, ADMIN).await? else {
            return Err(RegistrationError::Taken { email: true, username: true });
        };
        let event = AuditEvent::of_operator(now, AuditKind::Promote, Some(id), "promoted");
        self.audit.write_now(event).await;
        Ok(AdminCreation::Promoted(account))
    }

    async fn new_account(&self, registration: Registration) -> Result<NewAccount, RegistrationError> {
        let names = self.check(&registration).await.map_err(RegistrationError::Rules)?;
        let Registration { password, client, language, .. } = registration;
        let account = self.hash_into_account(names, password, client.network()).await?;
        self.with_invitation(NewAccount { language, ..account })
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

    /// Checks every rule, so that a person mends everything at once.
    async fn check(&self, registration: &Registration) -> Result<Names, Vec<RuleViolation>> {
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
        match email {
            Some(email) if broken.is_empty() => Ok(Names { email, username, full_name }),
            _ => Err(broken),
        }
    }

    async fn hash_into_account(
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
            created_at,
        })
    }

    async fn insert(
        &self,
        account: NewAccount,
        session: Option<NewSession>,
    ) -> Result<Account, RegistrationError> {
        match self.store.insert_account(account, session).await? {
            Insertion::Inserted { account, ended } => {
                self.wake_outbox();
                if let Some(ended) = ended {
                    self.revocations.learn_sessions(&[ended]);
                    metrics::counter!("vestibule_sessions_ended_total").increment(1);
                }
                Ok(account)
            }
            Insertion::Taken { email, username } => Err(RegistrationError::Taken { email, username }),
        }
    }

    fn record_registration(&self, account: &Account, client: &Client) {
        metrics::counter!("vestibule_registrations_total").increment(1);
        self.audit.record(AuditEvent {
            at: self.clock.now(),
            kind: AuditKind::Register,
            outcome: AuditOutcome::Success,
            account_id: Some(account.id),
            actor_id: None,
            session_id: None,
            address: client.address.to_string(),
            detail: "",
        });
    }
}

fn note<T>(broken: &mut Vec<RuleViolation>, parsed: Result<T, RuleViolation>) -> Option<T> {
    parsed.map_err(|violation| broken.push(violation)).ok()
}
