//! A signing key whose private half the tests know: what somebody could make who can sign anything.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use serde_json::{Map, Value};
use vestibule::core::token::jws;
use vestibule_testkit::{TestApp, TestAppBuilder};

/// The example of RFC 8410 §10.3.
const PRIVATE_KEY: &str = "-----BEGIN PRIVATE KEY-----\n\
    MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
    -----END PRIVATE KEY-----\n";

/// An application that signs with the key we know.
pub(super) fn app() -> TestAppBuilder {
    TestApp::builder().signing_key(PRIVATE_KEY, jws::Algorithm::EdDsa)
}

/// The header and the claims of a token.
pub(super) fn take_apart(token: &str) -> (Value, Value) {
    let mut parts = token.split('.').map(|part| {
        let bytes = URL_SAFE_NO_PAD.decode(part).unwrap();
        serde_json::from_slice(&bytes).unwrap_or(Value::Object(Map::new()))
    });
    (parts.next().unwrap(), parts.next().unwrap())
}

/// A token of any header and any payload, signed with the application's own key.
pub(super) fn sign(header: &str, payload: &str) -> String {
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    let key = EncodingKey::from_ed_pem(PRIVATE_KEY.as_bytes()).unwrap();
    let signature = crypto::sign(signed.as_bytes(), &key, Algorithm::EdDSA).unwrap();
    format!("{signed}.{signature}")
}
