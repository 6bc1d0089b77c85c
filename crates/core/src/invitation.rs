//! Links and codes that are mailed: how they are made, and how a typed code leads to its link.

use std::time::Duration;

use crate::{
    Auth,
    outbox::Recipient,
    ports::{
        clock::Timestamp,
        store::{NewErrand, StoreError},
    },
    values::{
        account::AccountId,
        email::Email,
        link::{CODE_ATTEMPTS, LinkDigest, LinkPurpose, LinkSecrets, NewLink, is_code},
        message::{Content, Invitation},
    },
};

impl Auth {
    /// Makes a link and the errand that mails it to `email`; `None` where nothing is told by mail.
    pub(crate) fn invite(
        &self,
        recipient: Recipient<'_>,
        email: &Email,
        purpose: LinkPurpose,
        now: Timestamp,
    ) -> Result<Option<(NewLink, NewErrand)>, StoreError> {
        let (link, invitation) = self.new_link(recipient.account_id, email, purpose, now);
        let content = match purpose {
            LinkPurpose::Reset => Content::ResetPassword(invitation),
            _ => Content::ConfirmAddress(invitation),
        };
        let letter = self.letter(Recipient { email: email.as_typed(), ..recipient }, now, content)?;
        Ok(letter.map(|letter| (link, letter)))
    }

    /// Makes a link, to be kept, and what is mailed of it.
    pub(crate) fn new_link(
        &self,
        account_id: AccountId,
        email: &Email,
        purpose: LinkPurpose,
        now: Timestamp,
    ) -> (NewLink, Invitation) {
        let secrets = LinkSecrets::generate(&self.master);
        let lifetime = self.link_lifetime(purpose);
        let invitation = Invitation {
            link: format!("{}/{}/{}", self.policy.mail.public_url, purpose.path(), secrets.token),
            code: secrets.code,
            lifetime,
            asked: None,
        };
        let link = NewLink {
            purpose,
            account_id,
            email: email.clone(),
            digest: secrets.digest,
            code_mac: secrets.code_mac,
            created_at: now,
            expires_at: now.plus(lifetime),
            verified: None,
        };
        (link, invitation)
    }

    const fn link_lifetime(&self, purpose: LinkPurpose) -> Duration {
        match purpose {
            LinkPurpose::Confirm | LinkPurpose::Register => self.policy.mail.confirm_ttl,
            LinkPurpose::Reset | LinkPurpose::Decoy => self.policy.mail.reset_ttl,
        }
    }

    /// The link that a typed code stands for. The attempt counts before the code is looked at.
    pub(crate) async fn find_link_of_code(
        &self,
        email: &str,
        code: &str,
        purpose: LinkPurpose,
    ) -> Result<Option<LinkDigest>, StoreError> {
        let Ok(email) = Email::parse(email) else { return Ok(None) };
        let now = self.clock.now();
        let found = self.store.count_code_attempt(email.canonical(), purpose, CODE_ATTEMPTS, now).await?;
        let right = found.iter().find(|link| is_code(&self.master, link.digest, code, &link.code_mac));
        Ok(right.map(|link| link.digest))
    }
}
