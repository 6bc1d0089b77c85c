//! The token of a request, and what the request shows of where it comes from.

use http::{Method, request::Parts};
use vestibule_token::claims::BadClaims;

use crate::{
    authenticator::{BadToken, Failure},
    csrf::Proof,
    location::{Found, Location},
    manager::LoginManager,
    refusal::Refusal,
    same_origin::{is_web_socket, needs_proof},
};

/// A token that a request carries, and where.
pub(crate) struct Credentials {
    pub(crate) token: String,
    pub(crate) location: Location,
    /// The token has to confirm it before anybody counts as logged in.
    pub(crate) proof: Proof,
}

impl<U> LoginManager<U> {
    /// Whether a cookie of ours holds what will never be a login again: kept, it would close every route that refuses bad
    /// tokens, the one that logs in included. A token of another type may be good elsewhere; one that has expired goes by
    /// itself, and may have been renewed meanwhile.
    pub(crate) fn is_cookie_dead(&self, refusal: &Refusal, parts: &Parts) -> bool {
        let is_dead = match refusal {
            Refusal::InvalidToken(BadToken::WrongType { .. } | BadToken::Claims(BadClaims::Expired)) => false,
            Refusal::InvalidToken(_) => true,
            _ => false,
        };
        let found = || self.locations().iter().find(|location| location.read(parts) != Found::Nothing);
        is_dead && self.shop().is_ok() && matches!(found(), Some(Location::Cookie(_)))
    }

    /// The token of a request: the first place that holds something decides.
    pub(crate) fn find_credentials(&self, parts: &Parts) -> Result<Option<Credentials>, Refusal> {
        for location in self.locations() {
            match location.read(parts) {
                Found::Nothing => {}
                Found::Garbage => return Err(Refusal::InvalidToken(BadToken::Unreadable)),
                Found::Unread => {
                    let cause =
                        "a token may be in the body, which extractors do not read; add `LoginManager::layer`";
                    return Err(Failure::broken(cause).into());
                }
                Found::Token(token) => {
                    let proof = self.prove(location, parts)?;
                    return Ok(Some(Credentials { token, location: location.clone(), proof }));
                }
            }
        }
        Ok(None)
    }

    /// What a request shows of where it comes from, as far as its headers tell.
    fn prove(&self, location: &Location, parts: &Parts) -> Result<Proof, Refusal> {
        let is_cookie = matches!(location, Location::Cookie(_));
        if !is_cookie || !needs_proof(&parts.method, &parts.headers) {
            return Ok(Proof::Given);
        }
        if let Some(names) = self.double_submit().filter(|_| !asks_for_web_socket(parts)) {
            let submitted = names.submitted(&parts.headers).ok_or(Refusal::CrossSite)?;
            return Ok(Proof::Submitted(submitted.to_owned()));
        }
        if self.origins().prove_same_origin(&parts.headers) {
            Ok(Proof::Given)
        } else {
            Err(Refusal::CrossSite)
        }
    }
}

/// RFC 8441 §4 opens a WebSocket by `CONNECT`.
fn asks_for_web_socket(parts: &Parts) -> bool {
    parts.method == Method::CONNECT || is_web_socket(&parts.headers)
}
