//! What can be wrong with a private key.

/// A token could not be made: a bug or a broken key.
#[derive(Debug, thiserror::Error)]
#[error("the token could not be signed: {0}")]
pub struct SigningError(#[source] Box<dyn std::error::Error + Send + Sync>);

impl SigningError {
    /// Takes what went wrong.
    pub fn new(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(cause.into())
    }
}

/// Why a private key is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadSigningKey {
    /// Not a PEM file with an unencrypted private key of the algorithm.
    #[error("it is not an unencrypted PKCS #8 private key in PEM for the configured algorithm")]
    Malformed,
    /// No key of this algorithm can sign here.
    #[error("its algorithm is not supported; use EdDSA, ES256 or RS256")]
    Unsupported,
    /// The public half is too weak to be trusted.
    #[error("it is too weak; RSA keys need 2048 bits or more")]
    Weak,
    /// There is no key.
    #[error("there is none")]
    Missing,
    /// A plain key where an encrypted one with a password was expected.
    #[error("it is not encrypted; read it without a password, or encrypt it (`openssl pkcs8 -topk8`)")]
    NotEncrypted,
    /// An encrypted key where a plain one was expected.
    #[error("it is encrypted; read it with its password, or decrypt it (`openssl pkcs8`)")]
    Encrypted,
    /// The password of an encrypted key is wrong, or the key is encrypted in a way that is not supported.
    #[error("it cannot be decrypted with this password")]
    Locked,
}
