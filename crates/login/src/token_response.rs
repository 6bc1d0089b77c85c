//! The answer of a token route (RFC 6749 §5.1).

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};
use serde::Serialize;

use crate::own_tokens::AccessToken;

/// The JSON that OAuth2 clients, Swagger UI among them, expect of a token route; never stored by caches.
///
/// ```
/// use vestibule_login::{LoginManager, TokenResponse};
///
/// # let login = LoginManager::from_secret("thirty-two bytes that nobody else knows")
/// #     .user_loader(async |name: String| Ok::<_, String>(Some(name))).build()?;
/// let answer = TokenResponse::of(&login.create_access_token("ada")?);
/// let json = serde_json::to_value(&answer)?;
/// assert_eq!(json["token_type"], "bearer");
/// assert_eq!(json["expires_in"], 900);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Serialize)]
pub struct TokenResponse {
    access_token: String,
    token_type: &'static str,
    expires_in: u64,
    scope: String,
}

impl TokenResponse {
    /// The answer that hands out a token.
    #[must_use]
    pub fn of(token: &AccessToken) -> Self {
        Self {
            access_token: token.expose().to_owned(),
            token_type: "bearer",
            expires_in: token.lifetime().as_secs(),
            scope: token.scopes().to_string(),
        }
    }
}

impl std::fmt::Debug for TokenResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenResponse").field("scope", &self.scope).finish_non_exhaustive()
    }
}

impl IntoResponse for TokenResponse {
    fn into_response(self) -> Response {
        let json = HeaderValue::from_static("application/json");
        let no_store = HeaderValue::from_static("no-store");
        // Strings and a number only: this does not fail.
        let body = serde_json::to_vec(&self).unwrap_or_default();
        ([(header::CONTENT_TYPE, json), (header::CACHE_CONTROL, no_store)], body).into_response()
    }
}
