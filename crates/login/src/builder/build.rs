//! The last step: everything that was said is checked, and there is a manager.

use std::{collections::HashMap, sync::Arc};

use super::{Loader, LoginConfigError, LoginManagerBuilder};
use crate::{
    authenticator::Authenticator,
    cookies::is_cookie_name,
    csrf::Csrf,
    location::Location,
    manager::{Inner, LoginManager},
    own_tokens::{OwnTokens, TokenShop},
};

/// What tokens say of their issuer, their audience and their type unless somebody says otherwise.
const USUAL_NAME: &str = "vestibule-login";
const USUAL_TYPE: &str = "access";

impl<U: Send + Sync + 'static> LoginManagerBuilder<Loader<U>> {
    /// Makes the manager.
    ///
    /// # Errors
    /// [`LoginConfigError`]: a sentence about what is wrong.
    pub fn build(mut self) -> Result<LoginManager<U>, LoginConfigError> {
        let shop = Arc::new(self.shop()?);
        let settings = self.settings()?;
        let authenticator = OwnTokens { shop: Arc::clone(&shop), load: self.source.0 };
        Ok(LoginManager::new(Inner { authenticator: Arc::new(authenticator), shop: Some(shop), settings }))
    }

    fn shop(&mut self) -> Result<TokenShop, LoginConfigError> {
        let signing = self.signing.take().unwrap_or(Err(LoginConfigError::KeyId))?;
        let mut verifying = HashMap::from([(signing.kid().to_owned(), signing.verifying().clone())]);
        for previous in std::mem::take(&mut self.previous) {
            let previous = previous?;
            let kid = previous.kid().ok_or(LoginConfigError::KeyId)?.to_owned();
            if verifying.insert(kid, previous).is_some() {
                return Err(LoginConfigError::KeyId);
            }
        }
        let public = self.public_url.as_deref().map(|url| url.trim_end_matches('/'));
        let name = |given: &mut Option<String>, usual: &str| {
            let name = given.take().unwrap_or_else(|| usual.to_owned());
            let is_fit = (1..=200).contains(&name.chars().count())
                && !name.chars().any(|c| c.is_control() || c == '"' || c == '\\');
            if is_fit { Ok(name) } else { Err(LoginConfigError::Name) }
        };
        Ok(TokenShop {
            signing,
            verifying,
            issuer: name(&mut self.names.issuer, public.unwrap_or(USUAL_NAME))?,
            audience: name(&mut self.names.audience, public.unwrap_or(USUAL_NAME))?,
            login_type: name(&mut self.names.login_type, USUAL_TYPE)?,
            lifetime: self.lifetime,
            leeway: self.leeway,
            clock: Arc::clone(&self.clock),
            is_revoked: self.is_revoked.take(),
            patience: self.patience,
            has_csrf: self.csrf.as_double_submit().is_some(),
        })
    }
}

impl<U> LoginManagerBuilder<Arc<dyn Authenticator<U>>> {
    pub(crate) fn over(authenticator: Arc<dyn Authenticator<U>>) -> Self {
        Self::new(authenticator, None)
    }

    /// Makes the manager.
    ///
    /// # Errors
    /// [`LoginConfigError`]: a sentence about what is wrong.
    pub fn build(mut self) -> Result<LoginManager<U>, LoginConfigError> {
        let settings = self.settings()?;
        Ok(LoginManager::new(Inner { authenticator: self.source, shop: None, settings }))
    }
}

/// Refuses a double submit whose cookie has the name of the token's.
pub(super) fn check_csrf_cookie(
    csrf: &Csrf,
    locations: &[Location],
    has_secure_cookies: bool,
) -> Result<(), LoginConfigError> {
    let Some(names) = csrf.as_double_submit() else { return Ok(()) };
    for location in locations {
        if let Location::Cookie(name) = location
            && names.cookie_name(name, has_secure_cookies) == *name
        {
            return Err(LoginConfigError::CsrfCookie(name.clone()));
        }
    }
    Ok(())
}

/// Checks the names of locations, and gives those of cookies their prefix; without `Secure` they have none, since
/// browsers would drop them without a word.
pub(super) fn check_locations(
    locations: &[Location],
    has_secure_cookies: bool,
) -> Result<Vec<Location>, LoginConfigError> {
    if locations.is_empty() {
        return Err(LoginConfigError::NoLocation);
    }
    let check = |location: &Location| match location {
        Location::Cookie(name) => {
            let base = name.strip_prefix("__Host-").unwrap_or(name);
            let prefix = if has_secure_cookies { "__Host-" } else { "" };
            let is_fit = is_cookie_name(base) && (has_secure_cookies || !base.starts_with("__Secure-"));
            let cookie = || Location::Cookie(format!("{prefix}{base}"));
            is_fit.then(cookie).ok_or_else(|| LoginConfigError::LocationName(name.clone()))
        }
        Location::Query(name) | Location::WebSocketQuery(name) | Location::Body(name) if name.is_empty() => {
            Err(LoginConfigError::LocationName(name.clone()))
        }
        location => Ok(location.clone()),
    };
    locations.iter().map(check).collect()
}
