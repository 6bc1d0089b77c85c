//! The way of a login through the gate: for its network first, then, once it is known whose name it is, for the rest.

use std::sync::Arc;

use super::{LoggedIn, LoginAttempt, LoginError, record::LoginRecord};
use crate::{
    Auth,
    gate::{Admission, Attempt, Guess, Knock},
    ports::{captcha::CaptchaAction, store::StoreError},
    values::{account::Credentials, username::LoginName},
};

/// What belongs to a name, if anything does.
pub(super) struct Found(pub(super) Option<Credentials>);

/// An attempt that the gate has let in.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) record: LoginRecord,
    pub(super) attempt: Attempt,
}

impl Entry {
    /// Ends the attempt, gives it back where that is due, and hands its outcome on.
    pub(super) async fn end(self, outcome: Result<LoggedIn, LoginError>) -> Result<LoggedIn, LoginError> {
        let Self { record, attempt } = self;
        let auth = Arc::clone(&record.auth);
        let outcome = record.end(outcome);
        match &outcome {
            Ok(_) => auth.succeed(attempt).await,
            Err(error) if error.is_ours() => auth.give_back(attempt).await,
            Err(_) => {}
        }
        outcome
    }
}

impl Auth {
    /// Lets a login in; `Err` is how it ends where it is not let in, or not heard.
    pub(super) async fn enter(
        self: &Arc<Self>,
        attempt: &LoginAttempt,
    ) -> Result<(Entry, Found), Result<LoggedIn, LoginError>> {
        let mut record = LoginRecord::begin(self, &attempt.client);
        let mut knock = match self.knock(attempt.client.network()).await {
            Ok(knock) => knock,
            Err(refusal) => return Err(record.refuse(refusal)),
        };
        if let Err(error) = self.ask_for_captcha(&mut knock, attempt).await {
            let entry = Entry { record, attempt: knock.into_attempt() };
            return Err(entry.end(Err(error)).await);
        }
        let found = match self.look_up(attempt).await {
            Ok(found) => found,
            Err(error) => {
                let entry = Entry { record, attempt: knock.into_attempt() };
                return Err(entry.end(Err(error.into())).await);
            }
        };
        record.account_id = found.0.as_ref().map(|found| found.account.id);
        let guess = Guess { name: &attempt.name, found: found.0.as_ref(), device: &attempt.device };
        match self.admit_guess(knock, guess).await {
            Ok(Admission::Heard(attempt)) => Ok((Entry { record, attempt }, found)),
            Ok(Admission::Unheard(counted)) => {
                Err(self.ignore(Entry { record, attempt: counted }, attempt).await)
            }
            Err(refusal) => Err(record.refuse(refusal)),
        }
    }

    /// Asks for a captcha where there have been failures; before anybody looks for the account.
    async fn ask_for_captcha(&self, knock: &mut Knock, attempt: &LoginAttempt) -> Result<(), LoginError> {
        if self.captcha.is_some()
            && self.needs_captcha(knock, &attempt.name, attempt.client.network()).await?
        {
            self.pass_captcha(attempt.captcha.as_deref(), CaptchaAction::Login).await?;
        }
        Ok(())
    }

    pub(super) async fn look_up(&self, attempt: &LoginAttempt) -> Result<Found, StoreError> {
        self.store.find_credentials(&LoginName::read(&attempt.name)).await.map(Found)
    }

    /// Answers an attempt that is not heard, with the work and the words for a wrong password.
    async fn ignore(&self, entry: Entry, attempt: &LoginAttempt) -> Result<LoggedIn, LoginError> {
        if self.policy.passwords.may_be_hashed(&attempt.password) {
            let network = attempt.client.network();
            if let Err(error) = self.hasher.verify(None, attempt.password.clone(), network).await {
                return entry.end(Err(error.into())).await;
            }
        }
        entry.record.ignore()
    }
}
