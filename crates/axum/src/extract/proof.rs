//! Proof that a request which our cookies authenticate comes from our own pages: by its origin, or by a value of the
//! session that only they can read.

use http::{HeaderMap, Method, request::Parts};
use vestibule_core::values::session::SessionId;
use vestibule_login::same_origin::{is_web_socket, needs_proof};

use crate::{
    error::{ApiError, Code},
    state::AuthState,
};

/// What a request shows.
pub(crate) enum Proof<'a> {
    /// All that is asked for.
    Given,
    /// A value that has to be its session's.
    Submitted(&'a str),
}

impl<'a> Proof<'a> {
    /// Reads it where the request needs one: it may change something, or opens a `WebSocket`.
    pub(crate) fn where_needed(state: &AuthState, parts: &'a Parts) -> Result<Self, ApiError> {
        if !needs_proof(&parts.method, &parts.headers) {
            return Ok(Self::Given);
        }
        // RFC 8441 §4 opens one by `CONNECT`. Browsers send its origin, and no header of the page's choice.
        if parts.method == Method::CONNECT || is_web_socket(&parts.headers) {
            return Self::by_origin(state, &parts.headers);
        }
        Self::demand(state, &parts.headers)
    }

    /// Reads it from a request that may change something.
    pub(crate) fn demand(state: &AuthState, headers: &'a HeaderMap) -> Result<Self, ApiError> {
        match state.http().csrf.as_double_submit() {
            None => Self::by_origin(state, headers),
            Some(names) => {
                names.submitted(headers).map(Self::Submitted).ok_or_else(|| Code::CrossSiteRequest.into())
            }
        }
    }

    fn by_origin(state: &AuthState, headers: &HeaderMap) -> Result<Self, ApiError> {
        if state.http().origins.prove_same_origin(headers) {
            Ok(Self::Given)
        } else {
            Err(Code::CrossSiteRequest.into())
        }
    }

    /// Whether it is one for this session.
    pub(crate) fn check(&self, state: &AuthState, session_id: SessionId) -> Result<(), ApiError> {
        match self {
            Self::Given => Ok(()),
            Self::Submitted(value) if state.auth().is_csrf_token(session_id, value) => Ok(()),
            Self::Submitted(_) => Err(Code::CrossSiteRequest.into()),
        }
    }
}
