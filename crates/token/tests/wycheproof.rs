//! Project Wycheproof's signature vectors against the keys that verify our tokens.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use vestibule_token::jws::VerifyingKey;
use wycheproof::{TestResult, ecdsa, eddsa, mac, rsa_pkcs1_verify};

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Tells a vector apart from its neighbours when it fails.
struct Vector<'a> {
    id: usize,
    expected: TestResult,
    message: &'a [u8],
    signature: &'a [u8],
}

/// Runs vectors against a key. A key that is refused verifies nothing.
fn run(jwk: &Value, vectors: &[Vector<'_>]) -> usize {
    let key = VerifyingKey::from_jwk(jwk);
    for vector in vectors {
        let is_taken = key.as_ref().is_ok_and(|key| key.is_signature(vector.message, vector.signature));
        match vector.expected {
            TestResult::Valid => assert!(is_taken, "valid vector {} was refused", vector.id),
            TestResult::Invalid => assert!(!is_taken, "invalid vector {} was taken", vector.id),
            TestResult::Acceptable => {}
        }
    }
    vectors.len()
}

#[test]
fn ed25519() {
    let set = eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap();
    let mut count = 0;
    for group in &set.test_groups {
        let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": encode(&group.key.pk)});
        let vectors = group.tests.iter().map(|test| Vector {
            id: test.tc_id,
            expected: test.result,
            message: &test.msg,
            signature: &test.sig,
        });
        count += run(&jwk, &vectors.collect::<Vec<_>>());
    }
    assert!(count > 100, "{count}");
}

#[test]
fn ecdsa_on_p256_with_sha256() {
    let set = ecdsa::TestSet::load(ecdsa::TestName::EcdsaSecp256r1Sha256P1363).unwrap();
    let mut count = 0;
    for group in &set.test_groups {
        let (x, y) = group.key.key[1..].split_at(32);
        let jwk = json!({"kty": "EC", "crv": "P-256", "x": encode(x), "y": encode(y)});
        let vectors = group.tests.iter().map(|test| Vector {
            id: test.tc_id,
            expected: test.result,
            message: &test.msg,
            signature: &test.sig,
        });
        count += run(&jwk, &vectors.collect::<Vec<_>>());
    }
    assert!(count > 200, "{count}");
}

#[test]
fn rsa_pkcs1_with_sha256() {
    let mut count = 0;
    for name in [rsa_pkcs1_verify::TestName::Rsa2048Sha256, rsa_pkcs1_verify::TestName::Rsa4096Sha256] {
        let set = rsa_pkcs1_verify::TestSet::load(name).unwrap();
        for group in &set.test_groups {
            let jwk = json!({"kty": "RSA", "n": encode(&group.key.n), "e": encode(&group.key.e)});
            let vectors = group.tests.iter().map(|test| Vector {
                id: test.tc_id,
                expected: test.result,
                message: &test.msg,
                signature: &test.sig,
            });
            count += run(&jwk, &vectors.collect::<Vec<_>>());
        }
    }
    assert!(count > 400, "{count}");
}

#[test]
fn hmac_with_sha256() {
    let set = mac::TestSet::load(mac::TestName::HmacSha256).unwrap();
    let mut count = 0;
    for group in set.test_groups.iter().filter(|group| group.tag_size == 256) {
        for test in group.tests.iter().filter(|test| test.key.len() >= 32) {
            let jwk = json!({"kty": "oct", "k": encode(&test.key)});
            let vector =
                Vector { id: test.tc_id, expected: test.result, message: &test.msg, signature: &test.tag };
            count += run(&jwk, &[vector]);
        }
    }
    assert!(count > 50, "{count}");
}
