//! JSON Web Keys (RFC 7517) that verify signatures: read from strangers, so checked before they are used.

use std::collections::HashMap;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::DecodingKey;
use serde_json::Value;

use super::jws::{Algorithm, Parts, Refused, VerifyingKey};

/// RFC 7518 §3.3: keys of 2048 bits or larger.
const MIN_RSA_BYTES: usize = 256;
/// Larger ones only burn time.
const MAX_RSA_BYTES: usize = 1024;
/// RFC 7518 §3.2: a key of at least the hash's size.
const MIN_HMAC_BYTES: usize = 32;

/// Why a JWK is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadKey {
    /// A member is missing, has the wrong type or does not decode.
    #[error("a member is missing or malformed")]
    Malformed,
    /// Its type, curve or algorithm is not supported, or they do not belong together.
    #[error("its type, curve and algorithm are not a pair that is supported")]
    Unsupported,
    /// It is meant for something else than verifying signatures.
    #[error("its use is not verifying signatures")]
    WrongUse,
    /// It is too short, or of a family that is known to be broken.
    #[error("it is too weak")]
    Weak,
    /// Two keys of a set have the same id, or secret and public keys are mixed.
    #[error("the key set is ambiguous")]
    AmbiguousSet,
}

impl VerifyingKey {
    /// Reads a key for one of the four supported algorithms.
    ///
    /// # Errors
    /// [`BadKey`] says why not.
    pub fn from_jwk(jwk: &Value) -> Result<Self, BadKey> {
        let member = |name: &str| jwk.get(name).and_then(Value::as_str);
        check_use(jwk)?;
        let (algorithm, key) = match (member("kty").ok_or(BadKey::Malformed)?, member("crv")) {
            ("OKP", Some("Ed25519")) => (Algorithm::EdDsa, ed_key(member("x"))?),
            ("EC", Some("P-256")) => (Algorithm::Es256, ec_key(member("x"), member("y"))?),
            ("RSA", _) => (Algorithm::Rs256, rsa_key(member("n"), member("e"))?),
            ("oct", _) => (Algorithm::Hs256, hmac_key(member("k"))?),
            _ => return Err(BadKey::Unsupported),
        };
        if jwk.get("alg").is_some_and(|named| named.as_str() != Some(algorithm.as_str())) {
            return Err(BadKey::Unsupported);
        }
        Ok(Self { algorithm, kid: member("kid").map(str::to_owned), key })
    }
}

fn check_use(jwk: &Value) -> Result<(), BadKey> {
    let is_for_signatures = jwk.get("use").is_none_or(|named| named.as_str() == Some("sig"));
    let may_verify = jwk.get("key_ops").is_none_or(|operations| {
        let names = |operation: &Value| operation.as_str().is_some_and(|text| text.contains("verify"));
        operations.as_array().is_some_and(|operations| operations.iter().any(names))
    });
    if is_for_signatures && may_verify { Ok(()) } else { Err(BadKey::WrongUse) }
}

fn decode(member: Option<&str>) -> Result<Vec<u8>, BadKey> {
    URL_SAFE_NO_PAD.decode(member.ok_or(BadKey::Malformed)?).map_err(|_| BadKey::Malformed)
}

fn ed_key(x: Option<&str>) -> Result<DecodingKey, BadKey> {
    let point = decode(x)?;
    if point.len() != 32 {
        return Err(BadKey::Malformed);
    }
    Ok(DecodingKey::from_ed_der(&point))
}

fn ec_key(x: Option<&str>, y: Option<&str>) -> Result<DecodingKey, BadKey> {
    let (x, y) = (decode_coordinate(x)?, decode_coordinate(y)?);
    // Whether the point lies on the curve is checked by aws-lc before every verification.
    Ok(DecodingKey::from_ec_der(&[[4].as_slice(), &x, &y].concat()))
}

/// A coordinate of P-256, brought to its 32 octets; leading zeros may be missing or one too many.
fn decode_coordinate(member: Option<&str>) -> Result<[u8; 32], BadKey> {
    let bytes = decode(member)?;
    let significant: Vec<u8> = bytes.into_iter().skip_while(|byte| *byte == 0).collect();
    let mut coordinate = [0; 32];
    let start = 32usize.checked_sub(significant.len()).ok_or(BadKey::Malformed)?;
    coordinate.get_mut(start..).ok_or(BadKey::Malformed)?.copy_from_slice(&significant);
    Ok(coordinate)
}

fn rsa_key(n: Option<&str>, e: Option<&str>) -> Result<DecodingKey, BadKey> {
    let modulus: Vec<u8> = decode(n)?.into_iter().skip_while(|byte| *byte == 0).collect();
    let exponent: Vec<u8> = decode(e)?.into_iter().skip_while(|byte| *byte == 0).collect();
    let is_odd = exponent.last().is_some_and(|byte| byte % 2 == 1);
    if modulus.len() > MAX_RSA_BYTES || exponent.len() > 8 || !is_odd {
        return Err(BadKey::Malformed);
    }
    if modulus.len() < MIN_RSA_BYTES || exponent == [1] || is_roca(&modulus) {
        return Err(BadKey::Weak);
    }
    Ok(DecodingKey::from_rsa_raw_components(&modulus, &exponent))
}

fn hmac_key(k: Option<&str>) -> Result<DecodingKey, BadKey> {
    let secret = decode(k)?;
    if secret.len() < MIN_HMAC_BYTES {
        return Err(BadKey::Weak);
    }
    Ok(DecodingKey::from_secret(&secret))
}

/// Whether a modulus was made by the generator of CVE-2017-15361, whose primes are powers of 65537 modulo many
/// small primes, so that their product is one too.
fn is_roca(modulus: &[u8]) -> bool {
    const PRIMES: [u64; 17] = [11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157];
    PRIMES.iter().all(|&prime| {
        let residue = modulus.iter().fold(0, |rest, byte| (rest * 256 + u64::from(*byte)) % prime);
        let powers = std::iter::successors(Some(1), |power| Some(power * 65_537 % prime));
        powers.take(usize::try_from(prime).unwrap_or(0)).any(|power| power == residue)
    })
}

/// A set of keys (RFC 7517 §5), looked up by `kid`.
#[derive(Clone, Debug, Default)]
pub struct VerifyingKeys(HashMap<String, VerifyingKey>);

impl VerifyingKeys {
    /// Reads a JWK set. Keys of unsupported kinds are left out, as RFC 7517 §5 asks.
    ///
    /// # Errors
    /// [`BadKey`] where the set is none, where a key of a supported kind is bad, or where the set is ambiguous.
    pub fn from_jwks(jwks: &Value) -> Result<Self, BadKey> {
        let keys = jwks.get("keys").and_then(Value::as_array).ok_or(BadKey::Malformed)?;
        let mut set = HashMap::new();
        for jwk in keys {
            let key = match VerifyingKey::from_jwk(jwk) {
                Ok(key) => key,
                Err(BadKey::Unsupported | BadKey::WrongUse) => continue,
                Err(bad) => return Err(bad),
            };
            let kid = key.kid.clone().ok_or(BadKey::Malformed)?;
            if set.insert(kid, key).is_some() {
                return Err(BadKey::AmbiguousSet);
            }
        }
        let secrets = set.values().filter(|key: &&VerifyingKey| key.algorithm == Algorithm::Hs256).count();
        if secrets > 0 && secrets < set.len() {
            return Err(BadKey::AmbiguousSet);
        }
        Ok(Self(set))
    }

    /// The key of this id.
    #[must_use]
    pub fn find(&self, kid: &str) -> Option<&VerifyingKey> {
        self.0.get(kid)
    }

    /// The keys, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &VerifyingKey> {
        self.0.values()
    }

    /// Keeps the keys of these algorithms and drops the rest.
    #[must_use]
    pub fn only(mut self, algorithms: &[Algorithm]) -> Self {
        self.0.retain(|_, key| algorithms.contains(&key.algorithm));
        self
    }

    /// Verifies a token with the key its `kid` names, and returns its payload.
    ///
    /// # Errors
    /// [`Refused`] for everything that is not exactly a token of one of these keys.
    pub fn verify(&self, token: &str) -> Result<Vec<u8>, Refused> {
        let parts = Parts::read(token)?;
        let key = parts.kid().and_then(|kid| self.0.get(kid)).ok_or(Refused::UnknownKey)?;
        parts.verify(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keys_that_are_weak_or_meant_for_something_else_are_refused() {
        let short = URL_SAFE_NO_PAD.encode([7; 31]);
        let small = URL_SAFE_NO_PAD.encode([0xff; 128]);
        let modulus = URL_SAFE_NO_PAD.encode([0xff; 256]);
        let secret = URL_SAFE_NO_PAD.encode([7; 32]);
        for (jwk, refusal) in [
            (json!({"kty":"oct","k":short}), BadKey::Weak),
            (json!({"kty":"oct","k":""}), BadKey::Weak),
            (json!({"kty":"RSA","n":small,"e":"AQAB"}), BadKey::Weak),
            (json!({"kty":"RSA","n":modulus,"e":"AQ"}), BadKey::Weak),
            (json!({"kty":"oct","k":secret,"use":"enc"}), BadKey::WrongUse),
            (json!({"kty":"oct","k":secret,"key_ops":["encrypt"]}), BadKey::WrongUse),
            (json!({"kty":"oct","k":secret,"alg":"A128KW"}), BadKey::Unsupported),
            (json!({"kty":"EC","crv":"P-521","x":"AA","y":"AA"}), BadKey::Unsupported),
            (json!({"kty":"oct"}), BadKey::Malformed),
            (json!({}), BadKey::Malformed),
        ] {
            assert_eq!(VerifyingKey::from_jwk(&jwk).unwrap_err(), refusal, "{jwk}");
        }
    }
}
