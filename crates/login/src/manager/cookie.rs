//! The cookie of a login: set for as long as its token lives, and deleted with what it was set with.

use http::{HeaderMap, header};

use super::LoginManager;
use crate::{
    cookies::{UnfitCookie, delete_cookie, set_cookie},
    location::Location,
    own_tokens::AccessToken,
};

impl<U> LoginManager<U> {
    /// Puts a token into the cookie, for as long as the token lives: `HttpOnly`, `SameSite=Lax`, `Path=/`, and `Secure`
    /// with the prefix `__Host-` unless the public URL is plain http on loopback. With a double submit
    /// ([`Csrf`](crate::Csrf)), the value that pages repeat is put into a cookie beside it.
    ///
    /// # Errors
    /// [`UnfitCookie::TooLong`] where the token is, and [`UnfitCookie::NoCookieLocation`].
    pub fn set_cookie(&self, headers: &mut HeaderMap, token: &AccessToken) -> Result<(), UnfitCookie> {
        let rest = token.expires_at.since(self.now());
        let (name, is_secure) = (self.cookie_name()?, self.0.settings.has_secure_cookies);
        let cookie = set_cookie(name, &token.token, rest, is_secure)?;
        if let (Some(names), Some(value)) = (self.double_submit(), &token.csrf) {
            headers.append(header::SET_COOKIE, names.set((name, is_secure), value, rest)?);
        }
        headers.append(header::SET_COOKIE, cookie);
        Ok(())
    }

    /// Deletes the cookie, with the attributes it was set with, and those of every other cookie among the places: one of
    /// an older name would else log in again. The token itself lives on until it expires or is revoked.
    ///
    /// # Errors
    /// [`UnfitCookie::NoCookieLocation`].
    pub fn delete_cookie(&self, headers: &mut HeaderMap) -> Result<(), UnfitCookie> {
        let (name, is_secure) = (self.cookie_name()?, self.0.settings.has_secure_cookies);
        for name in self.cookie_names() {
            headers.append(header::SET_COOKIE, delete_cookie(name, is_secure)?);
        }
        if let Some(names) = self.double_submit() {
            headers.append(header::SET_COOKIE, names.delete((name, is_secure))?);
        }
        Ok(())
    }

    pub(crate) fn cookie_name(&self) -> Result<&str, UnfitCookie> {
        self.cookie_names().next().ok_or(UnfitCookie::NoCookieLocation)
    }

    fn cookie_names(&self) -> impl Iterator<Item = &str> {
        self.0.settings.locations.iter().filter_map(|location| match location {
            Location::Cookie(name) => Some(name.as_str()),
            _ => None,
        })
    }
}
