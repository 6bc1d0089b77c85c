//! How many registrations a network may make, and how many mails registrations may send to an address.

use super::{Registration, RegistrationError};
use crate::{
    Auth,
    gate::{Attempt, GateError},
    ports::{store::StoreError, throttle::ThrottleKey},
    values::{client::ClientNetwork, email::Email},
};

/// From how many networks an address may be sent as many mails as one of them may have sent there.
const NETWORKS: u32 = 5;

impl Auth {
    /// Counts a registration, where anybody may register at all.
    pub(super) async fn begin_registration(
        &self,
        registration: &Registration,
    ) -> Result<Attempt, RegistrationError> {
        if !self.policy.registration.is_enabled {
            return Err(RegistrationError::Disabled);
        }
        Ok(self.admit_registration(registration.client.network()).await?)
    }

    /// Gives the registration back where it made nothing and told nothing: a taken name is worth asking for in bulk.
    pub(super) async fn end_registration<R>(
        &self,
        attempt: Attempt,
        outcome: Result<R, RegistrationError>,
    ) -> Result<R, RegistrationError> {
        let is_free = match &outcome {
            Err(RegistrationError::Captcha(error)) => error.is_free(),
            Err(
                RegistrationError::Rules(_)
                | RegistrationError::Hook(_)
                | RegistrationError::Hash(_)
                | RegistrationError::Store(_),
            ) => true,
            Ok(_) | Err(_) => false,
        };
        if is_free {
            self.give_back(attempt).await;
        }
        outcome
    }

    /// Counts a mail to an address, whether or not it has an account; `None` where there have been enough.
    ///
    /// # Security
    /// It counts for the network that asks first, so that no stranger uses up what the owner of the mailbox needs, and then
    /// for everybody, so that no mailbox is filled from many networks.
    pub(crate) async fn admit_mail_to(
        &self,
        email: &Email,
        network: ClientNetwork,
    ) -> Result<Option<Attempt>, StoreError> {
        let (mails, window) = (self.policy.throttle.mails, self.policy.throttle.mail_window);
        // Counters may live outside the process, and are no list of addresses there.
        let address = self.master.address_mac(email.canonical());
        let mut attempt = Attempt::default();
        for (key, limit) in [
            (ThrottleKey::MailToFrom(address, network), mails),
            (ThrottleKey::MailTo(address), mails.saturating_mul(NETWORKS)),
        ] {
            match self.count(&mut attempt, key, limit, window).await {
                Ok(()) => {}
                Err(GateError::Closed { .. }) => return Ok(None),
                Err(GateError::Store(error)) => return Err(error),
            }
        }
        Ok(Some(attempt))
    }
}

impl From<GateError> for RegistrationError {
    fn from(error: GateError) -> Self {
        match error {
            GateError::Closed { retry_after, .. } => Self::RateLimited { retry_after },
            GateError::Store(error) => Self::Store(error),
        }
    }
}
