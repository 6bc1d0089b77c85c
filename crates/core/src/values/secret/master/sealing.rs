//! Sealing: a secret is kept encrypted, and bound to what it is kept for.

use aws_lc_rs::aead::{Aad, Nonce, RandomizedNonceKey};
use zeroize::Zeroizing;

use super::{CannotUnwrap, Unwrapped};

/// The length of AES-GCM's nonce, in bytes.
const NONCE: usize = 12;

/// Encrypts with a nonce of its own, which stands before what it makes.
pub(super) fn seal(key: &RandomizedNonceKey, bound_to: &[u8], plain: &[u8]) -> Result<Vec<u8>, CannotUnwrap> {
    let mut sealed = Zeroizing::new(plain.to_vec());
    let nonce = key.seal_in_place_append_tag(Aad::from(bound_to), &mut *sealed).map_err(|_| CannotUnwrap)?;
    Ok([nonce.as_ref().as_slice(), sealed.as_slice()].concat())
}

/// Opens what [`seal`] made, with whichever key fits.
pub(super) fn open<'k>(
    keys: impl Iterator<Item = &'k RandomizedNonceKey>,
    bound_to: &[u8],
    sealed: &[u8],
) -> Result<Unwrapped, CannotUnwrap> {
    let (nonce, sealed) = sealed.split_at_checked(NONCE).ok_or(CannotUnwrap)?;
    for (position, key) in keys.enumerate() {
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| CannotUnwrap)?;
        let mut buffer = Zeroizing::new(sealed.to_vec());
        if let Ok(plain) = key.open_in_place(nonce, Aad::from(bound_to), &mut buffer) {
            let secret = Zeroizing::new(plain.to_vec());
            return Ok(Unwrapped { secret, is_outdated: position > 0 });
        }
    }
    Err(CannotUnwrap)
}
