//! PBKDF2 (RFC 8018): `$pbkdf2-sha256$i=600000,l=32$<salt>$<tag>`, passlib's `$pbkdf2-sha256$29000$<salt>$<tag>` and
//! Django's `pbkdf2_sha256$600000$<salt>$<tag>`, over SHA-1, SHA-256 or SHA-512.

use std::num::NonZeroU32;

use aws_lc_rs::pbkdf2::{Algorithm, PBKDF2_HMAC_SHA1, PBKDF2_HMAC_SHA256, PBKDF2_HMAC_SHA512, derive};

use super::{
    Foreign, Stored,
    text::{base64, bounded, fields, number, values},
};
use crate::phc::Unverifiable;

/// The most iterations: about two seconds over SHA-512, one over the others. Django's default has been 1 500 000 since its version 6.1.
const MAX_ITERATIONS: u32 = 3_000_000;

struct Pbkdf2 {
    function: Function,
    iterations: NonZeroU32,
    salt: Vec<u8>,
    tag: Vec<u8>,
}

/// The hash function beneath.
#[derive(Clone, Copy)]
struct Function {
    algorithm: Algorithm,
    /// Each begun stretch of this length of a tag costs all the iterations.
    output: usize,
}

const SHA1: Function = Function { algorithm: PBKDF2_HMAC_SHA1, output: 20 };
const SHA256: Function = Function { algorithm: PBKDF2_HMAC_SHA256, output: 32 };
const SHA512: Function = Function { algorithm: PBKDF2_HMAC_SHA512, output: 64 };

/// The forms of the PHC notation and of passlib differ in how they write the iterations.
pub(super) fn read(text: &str) -> Result<Stored, Unverifiable> {
    let [_, name, iterations, salt, tag] = fields(text)?;
    let function = match name {
        "pbkdf2" | "pbkdf2-sha1" => SHA1,
        "pbkdf2-sha256" => SHA256,
        "pbkdf2-sha512" => SHA512,
        _ => return Err(Unverifiable::Unreadable),
    };
    let (salt, tag) = bounded(base64(salt)?, base64(tag)?)?;
    let mut written = iterations;
    if iterations.contains('=') {
        let [Some(iterations), length] = values(iterations, ["i", "l"])? else {
            return Err(Unverifiable::Unreadable);
        };
        if length.map(number).transpose()?.is_some_and(|length| length as usize != tag.len()) {
            return Err(Unverifiable::Unreadable);
        }
        written = iterations;
    }
    Pbkdf2::bounded(function, number(written)?, salt, tag)
}

/// Django's salt is the text itself.
pub(super) fn read_django(text: &str) -> Result<Stored, Unverifiable> {
    let [name, iterations, salt, tag] = fields(text)?;
    let function = match name {
        "pbkdf2_sha1" => SHA1,
        "pbkdf2_sha256" => SHA256,
        _ => return Err(Unverifiable::Unreadable),
    };
    let (salt, tag) = bounded(salt.as_bytes().to_vec(), base64(tag)?)?;
    Pbkdf2::bounded(function, number(iterations)?, salt, tag)
}

impl Pbkdf2 {
    fn bounded(
        function: Function,
        iterations: u32,
        salt: Vec<u8>,
        tag: Vec<u8>,
    ) -> Result<Stored, Unverifiable> {
        let iterations = NonZeroU32::new(iterations).ok_or(Unverifiable::Unreadable)?;
        let blocks = tag.len().div_ceil(function.output) as u64;
        if u64::from(iterations.get()) * blocks > u64::from(MAX_ITERATIONS) {
            return Err(Unverifiable::OutOfBounds);
        }
        Ok(Stored::foreign(Self { function, iterations, salt, tag }))
    }
}

impl Foreign for Pbkdf2 {
    fn memory_kib(&self) -> u32 {
        0
    }

    fn tag(&self) -> &[u8] {
        &self.tag
    }

    fn compute(&self, password: &[u8], tag: &mut [u8]) -> Option<()> {
        derive(self.function.algorithm, self.iterations, &self.salt, password, tag);
        Some(())
    }
}
