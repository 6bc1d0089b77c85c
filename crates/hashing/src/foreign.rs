//! Hashes that other systems made, so that imported people log in with the passwords they have.
//!
//! This file recognises the form; each form is read and computed in a file of its own. A right password is always
//! outdated, so that the login replaces the hash. Everything is bounded while it is read: nothing is computed, and
//! nothing is allocated beyond the text's own length, for a hash that asks for too much.
//!
//! The bounds are chosen so that one verification holds its thread for about two seconds at most on a core of today.

mod bcrypt;
mod firebase;
mod pbkdf2;
mod scrypt;
mod text;

use crate::phc::{StoredHash, Unverifiable};

/// The longest salt in bytes; no system is known that makes longer ones than 64.
const MAX_SALT: usize = 128;

/// A shorter tag could be met by chance; no form has a longer one.
const TAG_LENGTHS: std::ops::RangeInclusive<usize> = 16..=64;

/// Longer than any text within the other bounds.
const MAX_TEXT: usize = 512;

/// A hash that another system made, read within bounds.
pub(crate) trait Foreign {
    /// The memory that computing it takes beside the stack, in KiB.
    fn memory_kib(&self) -> u32;

    /// What the right password gives.
    fn tag(&self) -> &[u8];

    /// Fills `tag` with what `password` gives; `None` where there is no such thing, which reading rules out.
    fn compute(&self, password: &[u8], tag: &mut [u8]) -> Option<()>;
}

/// A stored hash of any form.
pub(crate) enum Stored {
    /// Argon2; `is_wrapped` where another system's notation surrounds it.
    Argon2 { hash: StoredHash, is_wrapped: bool },
    /// Something else.
    Foreign(Box<dyn Foreign>),
}

/// What cannot be verified, and why; says nothing of what the hash holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Refusal {
    pub(crate) form: &'static str,
    pub(crate) reason: Unverifiable,
}

type Read = fn(&str) -> Result<Stored, Unverifiable>;

/// How a text begins, what it is then, and who reads it. The first that fits decides.
const FORMS: [(&str, &str, Read); 12] = [
    ("$argon2", "Argon2", |text| Ok(Stored::Argon2 { hash: StoredHash::parse(text)?, is_wrapped: false })),
    ("argon2$", "Argon2 of Django", django_argon2),
    ("$2a$", "bcrypt", bcrypt::read),
    ("$2b$", "bcrypt", bcrypt::read),
    ("$2y$", "bcrypt", bcrypt::read),
    ("bcrypt$", "bcrypt of Django", bcrypt::read_django),
    ("bcrypt_sha256$", "bcrypt over SHA-256 of Django", bcrypt::read_django_sha256),
    ("$scrypt$", "scrypt", scrypt::read),
    ("scrypt$", "scrypt of Django", scrypt::read_django),
    ("$pbkdf2", "PBKDF2", pbkdf2::read),
    ("pbkdf2_", "PBKDF2 of Django", pbkdf2::read_django),
    ("$fbscrypt$", "scrypt of Firebase", firebase::read),
];

impl Stored {
    /// Recognises a stored text and reads it.
    pub(crate) fn read(text: &str) -> Result<Self, Refusal> {
        let Some(&(_, form, read)) = FORMS.iter().find(|(prefix, ..)| text.starts_with(prefix)) else {
            return Err(Refusal { form: "unknown", reason: Unverifiable::Unreadable });
        };
        if text.len() > MAX_TEXT {
            return Err(Refusal { form, reason: Unverifiable::OutOfBounds });
        }
        read(text).map_err(|reason| Refusal { form, reason })
    }

    fn foreign(hash: impl Foreign + 'static) -> Self {
        Self::Foreign(Box::new(hash))
    }
}

/// `argon2$argon2id$v=19$m=102400,t=2,p=8$<salt>$<tag>`
fn django_argon2(text: &str) -> Result<Stored, Unverifiable> {
    let text = text.strip_prefix("argon2").ok_or(Unverifiable::Unreadable)?;
    Ok(Stored::Argon2 { hash: StoredHash::parse(text)?, is_wrapped: true })
}

#[cfg(test)]
mod tests;
