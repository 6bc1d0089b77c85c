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
        let secrets = LinkSecrets::generate(&self.master);
        let lifetime = self.link_lifetime(purpose);
        let invitation = Invitation {
            link: format!("{}/{}/{}", self.policy.mail.public_url, purpose.path(), secrets.token),
            code: secrets.code,
            lifetime,
        };
        let content = match purpose {
            LinkPurpose::Confirm | LinkPurpose::Register => Content::ConfirmAddress(invitation),
            LinkPurpose::Reset => Content::ResetPassword(invitation),
        };
        let recipient = Recipient { email: email.as_typed(), ..recipient };
        let Some(errand) = self.letter(recipient, now, content)? else { return Ok(None) };
        let link = NewLink {
            purpose,
            account_id: recipient.account_id,
            email: email.clone(),
            digest: secrets.digest,
            code_mac: secrets.code_mac,
            created_at: now,
            expires_at: now.plus(lifetime),
        };
        Ok(Some((link, errand)))
    }

    const fn link_lifetime(&self, purpose: LinkPurpose) -> Duration {
        match purpose {
            LinkPurpose::Confirm | LinkPurpose::Register => self.policy.mail.confirm_ttl,
            LinkPurpose::Reset => self.policy.mail.reset_ttl,
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
