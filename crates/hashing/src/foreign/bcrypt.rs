//! bcrypt: `$2b$12$<22 characters of salt><31 of tag>`, and the forms in which Django keeps it.
//!
//! bcrypt looks at the first 72 bytes of a password only, and so do we here, or its owner could not log in. The hash
//! that replaces it is made of the whole password as it was typed then.
//!
//! `$2x$` is not read: it marks passwords with characters beyond ASCII that a broken implementation mangled. `$2a$`,
//! `$2b$` and `$2y$` are the same for whatever was hashed correctly.

use aws_lc_rs::digest::{SHA256, digest};
use zeroize::Zeroizing;

use super::{
    Foreign, Stored,
    text::{bcrypt_base64, number},
};
use crate::phc::Unverifiable;

/// What bcrypt looks at, in bytes; the NUL that ends a shorter password is one of them.
const LENGTH: usize = 72;

/// The logarithm of the rounds: bcrypt's own least, and about two seconds.
const COSTS: std::ops::RangeInclusive<u32> = 4..=15;

/// bcrypt's output without the last byte, which no notation keeps.
const TAG_LENGTH: usize = 23;

/// What is given to bcrypt.
#[derive(Clone, Copy)]
enum Input {
    Password,
    /// Django's way around the 72 bytes.
    HexOfSha256,
}

struct Bcrypt {
    input: Input,
    cost: u32,
    salt: [u8; 16],
    tag: [u8; TAG_LENGTH],
}

pub(super) fn read(text: &str) -> Result<Stored, Unverifiable> {
    read_as(text, Input::Password)
}

/// `bcrypt$$2b$12$…`
pub(super) fn read_django(text: &str) -> Result<Stored, Unverifiable> {
    read_as(text.strip_prefix("bcrypt$").ok_or(Unverifiable::Unreadable)?, Input::Password)
}

/// `bcrypt_sha256$$2b$12$…`
pub(super) fn read_django_sha256(text: &str) -> Result<Stored, Unverifiable> {
    read_as(text.strip_prefix("bcrypt_sha256$").ok_or(Unverifiable::Unreadable)?, Input::HexOfSha256)
}

fn read_as(text: &str, input: Input) -> Result<Stored, Unverifiable> {
    let [empty, "2a" | "2b" | "2y", cost, salt_and_tag] = super::text::fields(text)? else {
        return Err(Unverifiable::Unreadable);
    };
    if !empty.is_empty() || cost.len() != 2 {
        return Err(Unverifiable::Unreadable);
    }
    let cost = number(cost.strip_prefix('0').unwrap_or(cost))?;
    let (salt, tag) = salt_and_tag.split_at_checked(22).ok_or(Unverifiable::Unreadable)?;
    let (salt, tag) = (bcrypt_base64(salt)?, bcrypt_base64(tag)?);
    if !COSTS.contains(&cost) {
        return Err(Unverifiable::OutOfBounds);
    }
    Ok(Stored::foreign(Bcrypt { input, cost, salt, tag }))
}

impl Foreign for Bcrypt {
    fn memory_kib(&self) -> u32 {
        // Four KiB of state, on the stack.
        0
    }

    fn tag(&self) -> &[u8] {
        &self.tag
    }

    fn compute(&self, password: &[u8], tag: &mut [u8]) -> Option<()> {
        let computed = match self.input {
            Input::Password => self.of(password),
            Input::HexOfSha256 => self.of(&hex(digest(&SHA256, password).as_ref())),
        };
        tag.copy_from_slice(computed.get(..TAG_LENGTH)?);
        Some(())
    }
}

impl Bcrypt {
    fn of(&self, input: &[u8]) -> Zeroizing<[u8; 24]> {
        let mut key = Zeroizing::new([0; LENGTH]);
        key.iter_mut().zip(input).for_each(|(key, byte)| *key = *byte);
        let used = LENGTH.min(input.len() + 1);
        let (key, _) = key.split_at(used);
        Zeroizing::new(::bcrypt::bcrypt(self.cost, self.salt, key))
    }
}

fn hex(bytes: &[u8]) -> Zeroizing<Vec<u8>> {
    let digit = |number: u8| if number < 10 { b'0' + number } else { b'a' + number - 10 };
    Zeroizing::new(bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect())
}
