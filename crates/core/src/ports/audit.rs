//! What is written down about who did what.

use uuid::Uuid;

use crate::{
    ports::clock::Timestamp,
    values::{account::AccountId, secret::random_bytes, session::SessionId},
};

/// One line of the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEvent {
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    pub kind: AuditKind,
    /// How it ended.
    pub outcome: AuditOutcome,
    /// The account it concerns; `None` where the name given belongs to nobody.
    pub account_id: Option<AccountId>,
    /// Who did it, where that was not the account's owner or the operator.
    pub actor_id: Option<AccountId>,
    /// The session it concerns.
    pub session_id: Option<SessionId>,
    /// The client's address; empty where the act did not come over the network.
    pub address: String,
    /// A short stable code that explains the outcome, for example `invalid_credentials`; never user input.
    pub detail: &'static str,
}

impl AuditEvent {
    /// An act of the operator at the command line, done.
    #[must_use]
    pub const fn of_operator(
        at: Timestamp,
        kind: AuditKind,
        account_id: Option<AccountId>,
        detail: &'static str,
    ) -> Self {
        let address = String::new();
        Self {
            at,
            kind,
            outcome: AuditOutcome::Success,
            account_id,
            actor_id: None,
            session_id: None,
            address,
            detail,
        }
    }
}

/// Audit events with their ids: offered to the store again, they are written once.
#[derive(Clone, Debug)]
pub struct AuditBatch(Vec<(Uuid, AuditEvent)>);

impl AuditBatch {
    /// Gives each event an id of its own, which sorts by its moment.
    #[must_use]
    pub fn new(events: Vec<AuditEvent>) -> Self {
        Self(events.into_iter().map(|event| (new_id(event.at), event)).collect())
    }

    /// The events, each with its id.
    #[must_use]
    pub fn entries(&self) -> &[(Uuid, AuditEvent)] {
        &self.0
    }
}

fn new_id(at: Timestamp) -> Uuid {
    let millis = u64::try_from(at.as_millis()).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &random_bytes()).into_uuid()
}

/// What an audit event is about. The names are an API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AuditKind {
    /// An account was made.
    Register,
    /// Somebody tried to log in.
    Login,
    /// A session was ended by its owner.
    Logout,
    /// A used refresh token came back after its grace: its session was revoked.
    RefreshReuse,
    /// An account was given the permission `admin`.
    Promote,
    /// The signing key was rotated.
    KeyRotation,
    /// An account was disabled, and its sessions ended.
    Ban,
    /// A disabled account was enabled.
    Unban,
    /// The counters of an account's failures were begun anew.
    Unlock,
    /// An administrator ended every session of an account.
    Kick,
    /// An administrator ended every session there was.
    Blackout,
    /// The notice of a blackout was taken down.
    BlackoutCleared,
    /// An account's permissions were changed.
    PermissionChange,
    /// An administrator changed an account.
    AccountChange,
    /// An account was deleted.
    AccountDeletion,
    /// Somebody asked for the deletion of their own account.
    DeletionRequested,
    /// The picture of an account was set or removed.
    AvatarChanged,
    /// What the application keeps with an account was changed.
    ProfileChanged,
    /// Somebody took their own data away.
    Export,
    /// Somebody took the deletion of their account back.
    AccountRestored,
    /// An address was confirmed by a mailed link or code.
    AddressConfirmed,
    /// Somebody asked to be reminded of a password, and was written to.
    PasswordForgotten,
    /// A password was chosen anew by a mailed link or code.
    PasswordReset,
    /// A password was changed by somebody who is logged in.
    PasswordChanged,
    /// A user name was changed.
    UsernameChanged,
    /// Somebody asked for another address, which counts once it is confirmed.
    AddressChangeRequested,
    /// A message was given up.
    Mail,
    /// Another system was not told of an event: that was given up.
    Webhook,
}

impl AuditKind {
    /// Every kind.
    pub const ALL: &[Self] = &[
        Self::Register,
        Self::Login,
        Self::Logout,
        Self::RefreshReuse,
        Self::Promote,
        Self::KeyRotation,
        Self::Ban,
        Self::Unban,
        Self::Unlock,
        Self::Kick,
        Self::Blackout,
        Self::BlackoutCleared,
        Self::PermissionChange,
        Self::AccountChange,
        Self::AccountDeletion,
        Self::DeletionRequested,
        Self::AccountRestored,
        Self::AvatarChanged,
        Self::ProfileChanged,
        Self::Export,
        Self::AddressConfirmed,
        Self::PasswordForgotten,
        Self::PasswordReset,
        Self::PasswordChanged,
        Self::UsernameChanged,
        Self::AddressChangeRequested,
        Self::Mail,
        Self::Webhook,
    ];

    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Register => "register",
            Self::Login => "login",
            Self::Logout => "logout",
            Self::RefreshReuse => "refresh_reuse",
            Self::Promote => "promote",
            Self::KeyRotation => "key_rotation",
            Self::Ban => "ban",
            Self::Unban => "unban",
            Self::Unlock => "unlock",
            Self::Kick => "kick",
            Self::Blackout => "blackout",
            Self::BlackoutCleared => "blackout_cleared",
            Self::PermissionChange => "permission_change",
            Self::AccountChange => "account_change",
            Self::AccountDeletion => "account_deletion",
            Self::DeletionRequested => "deletion_requested",
            Self::AccountRestored => "account_restored",
            Self::AvatarChanged => "avatar_changed",
            Self::ProfileChanged => "profile_changed",
            Self::Export => "export",
            Self::AddressConfirmed => "address_confirmed",
            Self::PasswordForgotten => "password_forgotten",
            Self::PasswordReset => "password_reset",
            Self::PasswordChanged => "password_changed",
            Self::UsernameChanged => "username_changed",
            Self::AddressChangeRequested => "address_change_requested",
            Self::Mail => "mail",
            Self::Webhook => "webhook",
        }
    }
}

/// How an audited act ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AuditOutcome {
    /// It was done.
    Success,
    /// It was refused.
    Failure,
}

impl AuditOutcome {
    /// The stable name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
        }
    }
}

/// An audit event as it stands in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRecord {
    /// Identifies it; ids sort by the moment.
    pub id: Uuid,
    /// When it happened.
    pub at: Timestamp,
    /// [`AuditKind::as_str`] of what happened.
    pub kind: String,
    /// [`AuditOutcome::as_str`] of how it ended.
    pub outcome: String,
    /// The account it concerns.
    pub account_id: Option<AccountId>,
    /// Who did it, where that was not the account's owner or the operator.
    pub actor_id: Option<AccountId>,
    /// The session it concerns.
    pub session_id: Option<SessionId>,
    /// The client's address.
    pub address: String,
    /// The stable code that explains the outcome.
    pub detail: String,
}

impl AuditRecord {
    /// Takes out where somebody else was when they did it: that is theirs to know.
    pub(crate) fn hide_others(&mut self, own: AccountId) {
        if self.actor_id.is_some_and(|actor| actor != own) {
            self.address.clear();
        }
    }
}
