//! Registrations that tell nobody whether an address has an account.
//!
//! Stores what was asked for, sealed, beside a link that is mailed; the account is made when the link is used. Steered by
//! `registration.conceal_existing`, `mail.confirm_ttl`, `throttle.mails` and `throttle.mail_window`. Defends against
//! learning who has an account here.
//!
//! The request never looks at the address: it checks the rules and the user name, which is public, hashes, and queues
//! an errand. The errand keeps the same things whether the address has an account or not, and only the letter differs. A
//! user name becomes somebody's with the account and not before, or a second registration of the same name would tell what
//! became of the first.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::{Registration, RegistrationError};
use crate::{
    Auth,
    confirmation::{ConfirmationError, recipient},
    detach::to_the_end,
    hooks::Before,
    new_device::first_place,
    outbox::{Errand, Recipient},
    ports::{
        audit::{AuditEvent, AuditKind, AuditOutcome},
        clock::Timestamp,
        hooks::Caller,
        store::{Insertion, KeptRegistration, NewErrand, StoreError},
    },
    values::{
        account::{Account, AccountId, Credentials, FullName, NewAccount},
        client::{Client, ClientNetwork},
        device::{Device, DeviceId},
        email::Email,
        language::Language,
        link::{LinkDigest, LinkPurpose},
        message::{Asked, Content, Invitation},
        password::PasswordHash,
        profile::ProfileText,
        scope::Scopes,
        username::{LoginName, Username},
    },
};

/// Somebody who will have an account once they have proved their address; as it is kept.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub(crate) struct Applicant {
    account_id: [u8; 16],
    email: String,
    username: Option<String>,
    full_name: Option<String>,
    profile: Option<String>,
    password_hash: String,
    language: Option<String>,
    at: i64,
    /// The client's address, for the audit log.
    address: String,
    /// What the place is known by that they registered from.
    #[serde(default)]
    place: Option<[u8; 16]>,
}

impl Applicant {
    fn new(account: &NewAccount, hash: &PasswordHash, client: &Client, place: DeviceId) -> Self {
        Self {
            account_id: *account.id.as_uuid().as_bytes(),
            email: account.email.as_typed().to_owned(),
            username: account.username.as_ref().map(|name| name.as_str().to_owned()),
            full_name: account.full_name.as_ref().map(|name| name.as_str().to_owned()),
            profile: account.profile.as_ref().map(|profile| profile.as_str().to_owned()),
            password_hash: hash.expose().to_owned(),
            language: account.language.map(|language| language.tag().to_owned()),
            at: account.created_at.as_millis(),
            address: client.address.to_string(),
            place: Some(*place.as_bytes()),
        }
    }

    fn id(&self) -> AccountId {
        AccountId::from_uuid(Uuid::from_bytes(self.account_id))
    }

    fn email(&self) -> Result<Email, StoreError> {
        Email::parse(&self.email).map_err(|_| StoreError::Broken("a kept address is none".into()))
    }

    fn network(&self) -> ClientNetwork {
        self.address.parse().map_or(ClientNetwork::LOCAL, ClientNetwork::of)
    }

    fn recipient(&self) -> Recipient<'_> {
        Recipient {
            account_id: self.id(),
            email: &self.email,
            username: self.username.as_deref(),
            language: self.language.as_deref().and_then(Language::read),
        }
    }
}

impl Auth {
    /// Takes a registration in; what becomes of it, the owner of the address is told.
    pub(super) async fn apply(
        self: &Arc<Self>,
        registration: Registration,
    ) -> Result<Account, RegistrationError> {
        let client = registration.client.clone();
        let names = self.admit_names(&registration).await?;
        if let Some(username) = &names.username {
            let name = LoginName::Username(username.canonical());
            if self.store.find_credentials(&name).await?.is_some() {
                return Err(RegistrationError::Taken { email: false, username: true });
            }
        }
        self.ask_hooks(|| Before::Register(names.registering(Caller::of(&client)))).await?;
        let Registration { password, language, .. } = registration;
        let account = self.hash_into_account(names, password, client.network()).await?;
        let account = NewAccount { language, ..account };
        let hash =
            account.password_hash.clone().ok_or(StoreError::Broken("a password without a hash".into()))?;
        let place = Device::place(&self.master, account.id, &client);
        let errand = Errand::Register(Applicant::new(&account, &hash, &client, place));
        let errand = self.errand(&errand, account.created_at)?;
        let auth = Arc::clone(self);
        to_the_end(async move {
            auth.store.queue_errand(errand).await?;
            auth.wake_outbox();
            Ok(promised(account))
        })
        .await
    }

    /// What comes of [`Self::apply`], after its answer: the same is kept in either case, and somebody is written to.
    pub(crate) async fn consider(&self, applicant: &Applicant) -> Result<(), StoreError> {
        let email = applicant.email()?;
        let owner = self.store.find_credentials(&LoginName::Email(email.canonical().to_owned())).await?;
        let Some(counted) = self.admit_mail_to(&email, applicant.network()).await? else { return Ok(()) };
        let kept = match self.seal_registration(applicant, &email, owner.as_ref()) {
            Ok(Some((kept, letter))) => self.store.keep_registration(kept, Some(letter)).await,
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        if kept.is_err() {
            // It is tried again, and what did not go out must not count.
            self.give_back(counted).await;
        }
        kept?;
        self.wake_outbox();
        if let Some(owner) = owner {
            self.note_attempt(owner.account.id, &applicant.address);
        }
        Ok(())
    }

    fn seal_registration(
        &self,
        applicant: &Applicant,
        email: &Email,
        owner: Option<&Credentials>,
    ) -> Result<Option<(KeptRegistration, NewErrand)>, StoreError> {
        let now = self.clock.now();
        let (link, invitation) = self.new_link(applicant.id(), email, LinkPurpose::Register, now);
        let plain = serde_json::to_vec(applicant).map_err(|error| StoreError::Broken(error.into()))?;
        let plain = Zeroizing::new(plain);
        let sealed = self.master.seal_errand(applicant.id().as_uuid(), &plain);
        let sealed = sealed.map_err(|error| StoreError::Broken(error.into()))?;
        let asked = Asked { at: applicant.at, address: applicant.address.clone() };
        let invitation = Invitation { asked: Some(asked), ..invitation };
        let letter = self.letter_of_address(owner, applicant.recipient(), invitation, now)?;
        Ok(letter.map(|letter| (KeptRegistration { link, sealed }, letter)))
    }

    /// The letter that goes out where somebody asks for an address: the invitation, or, where the address is somebody's, the
    /// news to its owner that another wanted it.
    ///
    /// # Security
    /// The owner is not mailed the link that is kept, so that it is a row like any other and good for nothing.
    pub(crate) fn letter_of_address(
        &self,
        owner: Option<&Credentials>,
        to: Recipient<'_>,
        invitation: Invitation,
        now: Timestamp,
    ) -> Result<Option<NewErrand>, StoreError> {
        let Some(owner) = owner else { return self.letter(to, now, Content::ConfirmAddress(invitation)) };
        let content = Content::AlreadyRegistered { asked: invitation.asked };
        self.letter(recipient(&owner.account, owner.language), now, content)
    }

    /// Makes the account of a registration whose address has been proved.
    pub(crate) async fn complete_registration(
        self: &Arc<Self>,
        digest: LinkDigest,
        client: &Client,
    ) -> Result<Account, ConfirmationError> {
        let now = self.clock.now();
        let kept = self.store.find_registration(digest, now).await?.ok_or(ConfirmationError::Refused)?;
        let plain = self.master.open_errand(kept.account_id.as_uuid(), &kept.sealed);
        let plain = plain.map_err(|error| StoreError::Broken(error.into()))?;
        let applicant: Applicant = serde_json::from_slice(&plain)
            // What serde says of it could repeat a part of it.
            .map_err(|_| StoreError::Broken("a kept registration cannot be read".into()))?;
        let account = self.account_of(&applicant)?;
        let (auth, client) = (Arc::clone(self), client.clone());
        to_the_end(async move {
            match auth.store.complete_registration(digest, account, now).await? {
                Some(Insertion::Inserted { account, .. }) => {
                    auth.record_registration(&account, &client).await;
                    Ok(account)
                }
                Some(Insertion::Taken { .. }) | None => Err(ConfirmationError::Refused),
            }
        })
        .await
    }

    fn account_of(&self, applicant: &Applicant) -> Result<NewAccount, StoreError> {
        // A name that rules have made impossible meanwhile is no longer to be had.
        let username = applicant.username.as_deref().and_then(|name| self.policy.usernames.parse(name).ok());
        let now = self.clock.now();
        let place = applicant.place.map(|place| first_place(DeviceId::from_bytes(place), now));
        Ok(NewAccount {
            id: applicant.id(),
            email: applicant.email()?,
            username,
            full_name: applicant.full_name.as_deref().and_then(|name| FullName::parse(name).ok().flatten()),
            password_hash: Some(PasswordHash::new(applicant.password_hash.clone())),
            confirmed: true,
            permissions: Scopes::none(),
            language: applicant.language.as_deref().and_then(Language::read),
            invitation: None,
            devices: place.into_iter().collect(),
            announcer: self.announcer(now),
            profile: applicant.profile.clone().map(ProfileText::stored),
            created_at: Timestamp::from_millis(applicant.at),
        })
    }

    fn note_attempt(&self, owner: AccountId, address: &str) {
        self.audit.record(AuditEvent {
            at: self.clock.now(),
            kind: AuditKind::Register,
            outcome: AuditOutcome::Failure,
            account_id: Some(owner),
            actor_id: None,
            session_id: None,
            address: address.to_owned(),
            detail: "email_taken",
        });
    }
}

/// The account as its owner will see it. It is made of the request alone: nothing that the store knows can change it.
fn promised(account: NewAccount) -> Account {
    Account {
        id: account.id,
        email: account.email.as_typed().to_owned(),
        username: account.username.as_ref().map(Username::as_str).map(str::to_owned),
        full_name: account.full_name.as_ref().map(FullName::as_str).map(str::to_owned),
        active: true,
        confirmed: false,
        permissions: account.permissions,
        created_at: account.created_at,
        last_login_at: None,
        stored_profile: account.profile,
    }
}
