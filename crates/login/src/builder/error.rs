//! Why a manager cannot be made.

use vestibule_token::signing::{BadSecret, BadSigningKey};

use crate::same_origin::NoOrigin;

/// Why a manager cannot be made; each message is a sentence that says what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoginConfigError {
    /// The shared secret is too weak.
    #[error(transparent)]
    Secret(#[from] BadSecret),
    /// The private key is none.
    #[error("the signing key cannot be used: {0}")]
    Key(#[from] BadSigningKey),
    /// A previous key has no id, or another key has the same.
    #[error("previous keys need ids of their own (`kid`), and two keys have the same or none")]
    KeyId,
    /// The public URL is none.
    #[error("the public URL is none: {0}")]
    PublicUrl(#[from] NoOrigin),
    /// There is nowhere to look for tokens.
    #[error("the manager has no place to look for tokens; name at least one `Location`")]
    NoLocation,
    /// A location has a name that it cannot have.
    #[error("`{0}` cannot be the name of a cookie, a query parameter or a field")]
    LocationName(String),
    /// The double submit's cookie would replace the token's.
    #[error("the cookies of the token and of the double submit are both called `{0}`; give one another name")]
    CsrfCookie(String),
    /// A page to redirect to is not of this application.
    #[error("`{0}` is no page of this application; give a path that begins with one slash")]
    Page(String),
    /// A name that tokens carry is empty or too long.
    #[error(
        "issuer, audience and type of login must have 1 to 200 characters without quotes or control characters"
    )]
    Name,
    /// There is nothing to renew.
    #[error("only a manager with tokens of its own and a cookie among its places can renew them")]
    Renewal,
}
