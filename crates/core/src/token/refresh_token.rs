//! Refresh tokens: generations under a MAC; nothing about them is stored.
//!
//! `vr1.` and base64url of key id ‖ session id ‖ generation ‖ HMAC-SHA-256. Whoever steals the database can make
//! none, and every older generation is still recognised as ours, so its return is proof of theft.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use uuid::Uuid;

use crate::values::{secret::MasterKeys, session::SessionId};

const PREFIX: &str = "vr1.";
const KEY_ID: usize = 4;
const BODY: usize = KEY_ID + 16 + 8;
const MAC: usize = 32;

/// A refresh token to be handed out; it does not print.
#[derive(Clone, PartialEq, Eq)]
pub struct RefreshToken(String);

impl RefreshToken {
    /// Makes the token of one generation of a session; the same input makes the same token.
    #[must_use]
    pub(crate) fn issue(keys: &MasterKeys, session_id: SessionId, generation: u64) -> Self {
        let mut token = Vec::with_capacity(BODY + MAC);
        token.extend_from_slice(&keys.current_id());
        token.extend_from_slice(session_id.as_uuid().as_bytes());
        token.extend_from_slice(&generation.to_be_bytes());
        let mac = keys.refresh_mac(&labelled(&token));
        token.extend_from_slice(&mac);
        let mut text = String::with_capacity(PREFIX.len() + (BODY + MAC) * 4 / 3 + 1);
        text.push_str(PREFIX);
        URL_SAFE_NO_PAD.encode_string(token, &mut text);
        Self(text)
    }

    /// The token, for the answer that hands it out.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RefreshToken(…)")
    }
}

/// A refresh token that came back and was made by us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PresentedToken {
    /// The session it belongs to.
    pub session_id: SessionId,
    /// Its generation.
    pub generation: u64,
}

impl PresentedToken {
    /// Reads a token and checks its MAC; `None` for everything we did not make.
    #[must_use]
    pub fn read(keys: &MasterKeys, token: &str) -> Option<Self> {
        let encoded = token.strip_prefix(PREFIX)?;
        let bytes: [u8; BODY + MAC] = URL_SAFE_NO_PAD.decode(encoded).ok()?.try_into().ok()?;
        let (body, mac) = bytes.split_at_checked(BODY)?;
        let (key_id, rest) = body.split_first_chunk::<KEY_ID>()?;
        let (session_id, generation) = rest.split_first_chunk::<16>()?;
        if !keys.is_refresh_mac(*key_id, &labelled(body), mac) {
            return None;
        }
        Some(Self {
            session_id: SessionId::from_uuid(Uuid::from_bytes(*session_id)),
            generation: u64::from_be_bytes(generation.try_into().ok()?),
        })
    }
}

fn labelled(body: &[u8]) -> Vec<u8> {
    [b"vr1".as_slice(), body].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ports::clock::Timestamp, values::secret::SecretKey};
    use proptest::prelude::*;

    fn keys() -> MasterKeys {
        MasterKeys::derive(&SecretKey::generate(), &[]).unwrap()
    }

    #[test]
    fn a_token_reads_back_under_its_own_secret_only() {
        let (keys, id) = (keys(), SessionId::new(Timestamp::from_millis(1_700_000_000_000)));
        let token = RefreshToken::issue(&keys, id, 7);
        assert_eq!(
            PresentedToken::read(&keys, token.expose()),
            Some(PresentedToken { session_id: id, generation: 7 })
        );
        assert_eq!(PresentedToken::read(&self::keys(), token.expose()), None);
        assert_eq!(RefreshToken::issue(&keys, id, 7), token);
        assert_eq!(format!("{token:?}"), "RefreshToken(…)");
    }

    #[test]
    fn every_changed_character_is_noticed() {
        let keys = keys();
        let token = RefreshToken::issue(&keys, SessionId::new(Timestamp::EPOCH), 1);
        for position in 0..token.expose().len() {
            for replacement in [b'A', b'B', b'.', b'=', b'-'] {
                let mut bytes = token.expose().as_bytes().to_vec();
                if bytes[position] != replacement {
                    bytes[position] = replacement;
                    let changed = String::from_utf8(bytes).unwrap();
                    assert_eq!(PresentedToken::read(&keys, &changed), None, "{changed}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn no_input_panics(input in "vr1\\.[A-Za-z0-9_-]{0,120}|\\PC*") {
            prop_assert_eq!(PresentedToken::read(&keys(), &input), None);
        }
    }
}
