//! The keys derived from `secret_key`: one a purpose, so that nothing made for one can be used for another.

mod sealing;

use std::fmt;

use aws_lc_rs::{
    aead::{AES_256_GCM, RandomizedNonceKey},
    constant_time::verify_slices_are_equal,
    hkdf, hmac,
};
use uuid::Uuid;
use zeroize::Zeroizing;

use self::sealing::{open, seal};
use super::SecretKey;

/// What a derived key is for; each purpose has its own HKDF label (RFC 5869), so no MAC can be moved to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The MAC of refresh tokens.
    RefreshToken,
    /// Wrapping signing keys.
    SigningKeyWrap,
    /// The MAC of codes that are typed.
    Code,
    /// Sealing what waits in the store to be done.
    ErrandSeal,
    /// The MAC of addresses that are counted.
    CountedAddress,
    /// The MAC of what a browser keeps so that it is known again.
    Device,
    /// The MAC of what the pages of a session repeat.
    Csrf,
    /// Naming the places that something without cookies calls from, without keeping them.
    Place,
    /// Naming counters after what somebody typed, which may be anything, without keeping it.
    Counter,
    /// Naming the secret itself without telling it.
    KeyId,
}

impl Purpose {
    const fn label(self) -> &'static [u8] {
        match self {
            Self::RefreshToken => b"vestibule refresh token v1",
            Self::SigningKeyWrap => b"vestibule signing key wrap v1",
            Self::Code => b"vestibule typed code v1",
            Self::ErrandSeal => b"vestibule errand seal v1",
            Self::CountedAddress => b"vestibule counted address v1",
            Self::Device => b"vestibule device v1",
            Self::Csrf => b"vestibule csrf v1",
            Self::Place => b"vestibule place v1",
            Self::Counter => b"vestibule counter v1",
            Self::KeyId => b"vestibule key id v1",
        }
    }
}

/// Names the `secret_key` that made a MAC, so that the right one can be asked after a rotation.
pub type SecretKeyId = [u8; 4];

/// The keys derived from one `secret_key`.
struct DerivedKeys {
    id: SecretKeyId,
    refresh: hmac::Key,
    code: hmac::Key,
    address: hmac::Key,
    device: hmac::Key,
    csrf: hmac::Key,
    place: hmac::Key,
    counter: hmac::Key,
    wrap: RandomizedNonceKey,
    errand: RandomizedNonceKey,
}

impl DerivedKeys {
    fn derive(secret: &SecretKey) -> Result<Self, aws_lc_rs::error::Unspecified> {
        let mac = |purpose| {
            expand::<32>(secret, purpose).map(|key| hmac::Key::new(hmac::HMAC_SHA256, key.as_ref()))
        };
        let seal = |purpose| RandomizedNonceKey::new(&AES_256_GCM, expand::<32>(secret, purpose)?.as_ref());
        Ok(Self {
            id: *expand::<4>(secret, Purpose::KeyId)?,
            refresh: mac(Purpose::RefreshToken)?,
            code: mac(Purpose::Code)?,
            address: mac(Purpose::CountedAddress)?,
            device: mac(Purpose::Device)?,
            csrf: mac(Purpose::Csrf)?,
            place: mac(Purpose::Place)?,
            counter: mac(Purpose::Counter)?,
            wrap: seal(Purpose::SigningKeyWrap)?,
            errand: seal(Purpose::ErrandSeal)?,
        })
    }
}

fn expand<const N: usize>(
    secret: &SecretKey,
    purpose: Purpose,
) -> Result<Zeroizing<[u8; N]>, aws_lc_rs::error::Unspecified> {
    struct Length(usize);
    impl hkdf::KeyType for Length {
        fn len(&self) -> usize {
            self.0
        }
    }
    let mut key = Zeroizing::new([0; N]);
    hkdf::Salt::new(hkdf::HKDF_SHA256, b"vestibule")
        .extract(&secret.0)
        .expand(&[purpose.label()], Length(N))?
        .fill(key.as_mut())?;
    Ok(key)
}

/// Every key derived from `secret_key` and `previous_secret_keys`.
///
/// New MACs and wraps are made with the current one; the previous ones still verify and unwrap.
pub struct MasterKeys {
    current: DerivedKeys,
    previous: Vec<DerivedKeys>,
}

impl fmt::Debug for MasterKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKeys(…)")
    }
}

/// A wrapped secret that no key at hand opens, or a failure of the cryptography itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the secret cannot be opened with secret_key or previous_secret_keys")]
pub struct CannotUnwrap;

/// A secret that has been unwrapped.
#[derive(Debug)]
pub struct Unwrapped {
    /// The secret.
    pub secret: Zeroizing<Vec<u8>>,
    /// Whether a previous key opened it, so that it should be wrapped anew.
    pub is_outdated: bool,
}

impl MasterKeys {
    /// Derives all keys.
    ///
    /// # Errors
    /// [`CannotUnwrap`] if the cryptography fails, which it does not.
    pub fn derive(current: &SecretKey, previous: &[SecretKey]) -> Result<Self, CannotUnwrap> {
        let derive = |secret| DerivedKeys::derive(secret).map_err(|_| CannotUnwrap);
        Ok(Self {
            current: derive(current)?,
            previous: previous.iter().map(derive).collect::<Result<_, _>>()?,
        })
    }

    /// The id of the key that makes new MACs.
    #[must_use]
    pub const fn current_id(&self) -> SecretKeyId {
        self.current.id
    }

    /// The MAC of a refresh token's body, made with the current key.
    #[must_use]
    pub fn refresh_mac(&self, body: &[u8]) -> [u8; 32] {
        mac(&self.current.refresh, body)
    }

    /// Whether a refresh token's MAC is one that the key named by `id` made; in constant time.
    #[must_use]
    pub fn is_refresh_mac(&self, id: SecretKeyId, body: &[u8], mac: &[u8]) -> bool {
        self.all().any(|keys| keys.id == id && hmac::verify(&keys.refresh, body, mac).is_ok())
    }

    /// The MAC of a typed code, made with the current key.
    #[must_use]
    pub fn code_mac(&self, code: &[u8]) -> [u8; 32] {
        mac(&self.current.code, code)
    }

    /// Whether a typed code's MAC is one that any of the keys made; in constant time.
    #[must_use]
    pub fn is_code_mac(&self, code: &[u8], mac: &[u8]) -> bool {
        self.all().any(|keys| hmac::verify(&keys.code, code, mac).is_ok())
    }

    /// What an address is counted under, so that counters are no list of addresses.
    #[must_use]
    pub fn address_mac(&self, canonical: &str) -> [u8; 16] {
        let mut short = [0; 16];
        short.copy_from_slice(&mac(&self.current.address, canonical.as_bytes())[..16]);
        short
    }

    /// The MAC of a device's acquaintance with an account, cut in half, made with the current key.
    #[must_use]
    pub fn device_mac(&self, body: &[u8]) -> [u8; 16] {
        beginning(mac(&self.current.device, body))
    }

    /// Whether this is a MAC of [`Self::device_mac`] by any of the keys; in constant time.
    #[must_use]
    pub fn is_device_mac(&self, body: &[u8], presented: &[u8; 16]) -> bool {
        let is_made_by =
            |keys: &DerivedKeys| verify_slices_are_equal(&beginning(mac(&keys.device, body)), presented);
        self.all().any(|keys| is_made_by(keys).is_ok())
    }

    /// The MAC of what the pages of a session repeat, cut in half, made with the current key.
    #[must_use]
    pub fn csrf_mac(&self, session: &[u8]) -> [u8; 16] {
        beginning(mac(&self.current.csrf, session))
    }

    /// Whether this is a MAC of [`Self::csrf_mac`] by any of the keys; in constant time.
    #[must_use]
    pub fn is_csrf_mac(&self, session: &[u8], presented: &[u8; 16]) -> bool {
        let is_made_by =
            |keys: &DerivedKeys| verify_slices_are_equal(&beginning(mac(&keys.csrf, session)), presented);
        self.all().any(|keys| is_made_by(keys).is_ok())
    }

    /// What a place is known by that something without cookies calls from.
    #[must_use]
    pub fn place_mac(&self, body: &[u8]) -> [u8; 16] {
        beginning(mac(&self.current.place, body))
    }

    /// What a counter of something typed, or of a caller, is named after.
    #[must_use]
    pub fn counter_mac(&self, body: &[u8]) -> [u8; 16] {
        beginning(mac(&self.current.counter, body))
    }

    /// Wraps a signing key for storage, bound to `name`.
    ///
    /// # Errors
    /// [`CannotUnwrap`] if the cryptography fails, which it does not.
    pub fn wrap(&self, name: &str, secret: &[u8]) -> Result<Vec<u8>, CannotUnwrap> {
        seal(&self.current.wrap, name.as_bytes(), secret)
    }

    /// Opens what [`Self::wrap`] made, with whichever key fits.
    ///
    /// # Errors
    /// [`CannotUnwrap`] if none fits.
    pub fn unwrap(&self, name: &str, wrapped: &[u8]) -> Result<Unwrapped, CannotUnwrap> {
        open(self.all().map(|keys| &keys.wrap), name.as_bytes(), wrapped)
    }

    /// Seals what waits in the store to be done, bound to its id.
    ///
    /// # Errors
    /// [`CannotUnwrap`] if the cryptography fails, which it does not.
    pub fn seal_errand(&self, id: &Uuid, plain: &[u8]) -> Result<Vec<u8>, CannotUnwrap> {
        seal(&self.current.errand, id.as_bytes(), plain)
    }

    /// Opens what [`Self::seal_errand`] made, with whichever key fits.
    ///
    /// # Errors
    /// [`CannotUnwrap`] if none fits.
    pub fn open_errand(&self, id: &Uuid, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, CannotUnwrap> {
        open(self.all().map(|keys| &keys.errand), id.as_bytes(), sealed).map(|opened| opened.secret)
    }

    fn all(&self) -> impl Iterator<Item = &DerivedKeys> {
        std::iter::once(&self.current).chain(&self.previous)
    }
}

fn mac(key: &hmac::Key, text: &[u8]) -> [u8; 32] {
    let mut mac = [0; 32];
    mac.copy_from_slice(hmac::sign(key, text).as_ref());
    mac
}

/// Half of a MAC, where every byte counts and nobody can try many.
fn beginning(mac: [u8; 32]) -> [u8; 16] {
    mac.first_chunk().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn previous_keys_verify_and_unwrap_but_do_not_sign() {
        let (old, new) = (SecretKey::generate(), SecretKey::generate());
        let before = MasterKeys::derive(&old, &[]).unwrap();
        let after = MasterKeys::derive(&new, &[old]).unwrap();
        let stranger = MasterKeys::derive(&new, &[]).unwrap();
        let mac = before.refresh_mac(b"body");
        assert!(after.is_refresh_mac(before.current_id(), b"body", &mac));
        assert!(!after.is_refresh_mac(after.current_id(), b"body", &mac));
        assert!(!stranger.is_refresh_mac(before.current_id(), b"body", &mac));
        let wrapped = before.wrap("kid", b"private").unwrap();
        let opened = after.unwrap("kid", &wrapped).unwrap();
        assert_eq!((opened.secret.as_slice(), opened.is_outdated), (b"private".as_slice(), true));
        assert!(after.unwrap("other", &wrapped).is_err());
        assert!(stranger.unwrap("kid", &wrapped).is_err());
        assert!(stranger.unwrap("kid", b"short").is_err());
    }

    #[test]
    fn an_errand_is_sealed_for_its_id_and_no_signing_key() {
        let (old, new) = (SecretKey::generate(), SecretKey::generate());
        let before = MasterKeys::derive(&old, &[]).unwrap();
        let after = MasterKeys::derive(&new, &[old]).unwrap();
        let (id, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let sealed = before.seal_errand(&id, b"canary").unwrap();
        assert!(!sealed.windows(6).any(|window| window == b"canary"));
        assert_eq!(after.open_errand(&id, &sealed).unwrap().as_slice(), b"canary");
        assert!(before.open_errand(&other, &sealed).is_err());
        assert!(before.unwrap(str::from_utf8(id.as_bytes()).unwrap_or_default(), &sealed).is_err());
        assert!(before.open_errand(&id, b"short").is_err());
    }

    #[test]
    fn t55_a_secret_does_not_print() {
        let secret = SecretKey::generate();
        let keys = MasterKeys::derive(&secret, &[]).unwrap();
        assert_eq!(format!("{secret:?}{keys:?}"), "SecretKey(…)MasterKeys(…)");
    }
}
