//! How many registrations a network may make.

use super::{Registration, RegistrationError};
use crate::{
    Auth,
    gate::{Attempt, GateError},
};

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
}

impl From<GateError> for RegistrationError {
    fn from(error: GateError) -> Self {
        match error {
            GateError::Closed { retry_after, .. } => Self::RateLimited { retry_after },
            GateError::Store(error) => Self::Store(error),
        }
    }
}
