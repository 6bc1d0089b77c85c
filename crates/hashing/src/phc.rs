//! Argon2 hashes as PHC strings: `$argon2id$v=19$m=19456,t=2,p=1$<salt>$<tag>`.
//!
//! Stored strings may come from an import or from somebody who can write to the database. Everything is bounded here,
//! before anything is computed: reading never panics (RUSTSEC-2026-0199) and never allocates more than the string has.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD as BASE64};

/// The most that a stored hash may ask for: one such verification at a time, a quarter of a GiB, about half a second.
pub(crate) const MAX_COST: Cost = Cost { memory_kib: 256 * 1024, iterations: 16, parallelism: 4 };

/// The most lanes that a stored hash may have. Django and passlib make eight; computed one after the other, they cost
/// no more than one.
const MAX_STORED_PARALLELISM: u32 = 8;

/// The length of the salts made here (RFC 9106 §3.1).
pub(crate) const SALT_LENGTH: usize = 16;

/// The length of the tags made here (RFC 9106 §4).
pub(crate) const TAG_LENGTH: usize = 32;

/// Longer than any string within the other bounds.
const MAX_TEXT: usize = 256;

/// The least salt is RFC 9106's.
const SALT_LENGTHS: std::ops::RangeInclusive<usize> = 8..=64;

/// A shorter tag could be met by chance.
const TAG_LENGTHS: std::ops::RangeInclusive<usize> = 16..=64;

/// What a hash costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cost {
    pub(crate) memory_kib: u32,
    pub(crate) iterations: u32,
    pub(crate) parallelism: u32,
}

impl Cost {
    /// Whether Argon2 is defined for these numbers (RFC 9106 §3.1).
    pub(crate) const fn is_computable(self) -> bool {
        self.iterations >= 1 && self.parallelism >= 1 && self.memory_kib / 8 >= self.parallelism
    }

    const fn is_bounded(self) -> bool {
        self.memory_kib <= MAX_COST.memory_kib
            && self.iterations <= MAX_COST.iterations
            && self.parallelism <= MAX_STORED_PARALLELISM
    }
}

/// The kind of Argon2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Variant {
    Argon2d,
    Argon2i,
    Argon2id,
}

/// The version of Argon2: 0x10 (a string without `v=`) or 0x13.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    V0x10,
    V0x13,
}

/// Everything besides password and salt that decides a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Recipe {
    pub(crate) variant: Variant,
    pub(crate) version: Version,
    pub(crate) cost: Cost,
}

impl Recipe {
    /// What new hashes are made with.
    pub(crate) const fn current(cost: Cost) -> Self {
        Self { variant: Variant::Argon2id, version: Version::V0x13, cost }
    }
}

/// A hash, read.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct StoredHash {
    pub(crate) recipe: Recipe,
    pub(crate) salt: Vec<u8>,
    pub(crate) tag: Vec<u8>,
}

/// Why a stored hash is not verified; says nothing of what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub(crate) enum Unverifiable {
    #[error("it has no form that is read here")]
    Unreadable,
    #[error("its parameters are out of bounds")]
    OutOfBounds,
}

impl StoredHash {
    /// Reads a PHC string; `m`, `t` and `p` may come in any order.
    pub(crate) fn parse(text: &str) -> Result<Self, Unverifiable> {
        if text.len() > MAX_TEXT {
            return Err(Unverifiable::OutOfBounds);
        }
        let mut fields = text.strip_prefix('$').ok_or(Unverifiable::Unreadable)?.split('$');
        let mut next = || fields.next().ok_or(Unverifiable::Unreadable);
        let variant = match next()? {
            "argon2d" => Variant::Argon2d,
            "argon2i" => Variant::Argon2i,
            "argon2id" => Variant::Argon2id,
            _ => return Err(Unverifiable::Unreadable),
        };
        let mut field = next()?;
        let mut version = Version::V0x10;
        if let Some(number) = field.strip_prefix("v=") {
            version = match number {
                "16" => Version::V0x10,
                "19" => Version::V0x13,
                _ => return Err(Unverifiable::Unreadable),
            };
            field = next()?;
        }
        let cost = parse_cost(field).ok_or(Unverifiable::Unreadable)?;
        let salt = BASE64.decode(next()?).map_err(|_| Unverifiable::Unreadable)?;
        let tag = BASE64.decode(next()?).map_err(|_| Unverifiable::Unreadable)?;
        if fields.next().is_some() || !cost.is_computable() {
            return Err(Unverifiable::Unreadable);
        }
        if !cost.is_bounded() || !SALT_LENGTHS.contains(&salt.len()) || !TAG_LENGTHS.contains(&tag.len()) {
            return Err(Unverifiable::OutOfBounds);
        }
        Ok(Self { recipe: Recipe { variant, version, cost }, salt, tag })
    }

    /// Whether a new hash would be made otherwise.
    pub(crate) fn is_outdated(&self, cost: Cost) -> bool {
        self.recipe != Recipe::current(cost) || self.salt.len() < SALT_LENGTH || self.tag.len() != TAG_LENGTH
    }
}

impl fmt::Display for StoredHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Recipe { variant, version, cost } = self.recipe;
        f.write_str(match variant {
            Variant::Argon2d => "$argon2d$",
            Variant::Argon2i => "$argon2i$",
            Variant::Argon2id => "$argon2id$",
        })?;
        f.write_str(match version {
            Version::V0x10 => "v=16",
            Version::V0x13 => "v=19",
        })?;
        write!(f, "$m={},t={},p={}", cost.memory_kib, cost.iterations, cost.parallelism)?;
        write!(f, "${}${}", BASE64.encode(&self.salt), BASE64.encode(&self.tag))
    }
}

fn parse_cost(field: &str) -> Option<Cost> {
    let (mut memory_kib, mut iterations, mut parallelism) = (None, None, None);
    for part in field.split(',') {
        let (name, number) = part.split_once('=')?;
        let slot = match name {
            "m" => &mut memory_kib,
            "t" => &mut iterations,
            "p" => &mut parallelism,
            _ => return None,
        };
        if slot.replace(parse_decimal(number)?).is_some() {
            return None;
        }
    }
    Some(Cost { memory_kib: memory_kib?, iterations: iterations?, parallelism: parallelism? })
}

/// A number as the PHC format writes it: `u32::from_str` alone would also take `+1` and `01`.
pub(crate) fn parse_decimal(text: &str) -> Option<u32> {
    if !text.bytes().all(|byte| byte.is_ascii_digit()) || (text.len() > 1 && text.starts_with('0')) {
        return None;
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SALT_AND_TAG: &str = "c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";

    fn parse(head: &str) -> Result<StoredHash, Unverifiable> {
        StoredHash::parse(&format!("{head}${SALT_AND_TAG}"))
    }

    #[test]
    fn t37_what_is_no_argon2_string_is_unreadable() {
        for head in [
            "",
            "$",
            "argon2id$v=19$m=256,t=2,p=1",
            "$argon2x$v=19$m=256,t=2,p=1",
            "$2b$12",
            "$argon2id$v=19",
            "$argon2id$v=20$m=256,t=2,p=1",
            "$argon2id$v=19$m=256,t=2",
            "$argon2id$v=19$m=256,t=2,p=1,p=1",
            "$argon2id$v=19$m=+256,t=2,p=1",
            "$argon2id$v=19$m=0256,t=2,p=1",
            "$argon2id$v=19$m=256,t=2,p=",
            "$argon2id$v=19$m=256,t=2,p=1,data=QUJD",
            "$argon2id$v=19$m=99999999999,t=2,p=1",
            "$argon2id$v=19$m=7,t=2,p=1",
            "$argon2id$v=19$m=256,t=0,p=1",
            "$argon2id$v=19$m=256,t=2,p=0",
            "$argon2id$v=19$m=256,t=2,p=1$extra",
            "$argon2id$v=１９$m=256,t=2,p=1",
            "$argon2id$v=19$m=٢٥٦,t=2,p=1",
            "$argon2id\u{0}$v=19$m=256,t=2,p=1",
        ] {
            assert!(matches!(parse(head), Err(Unverifiable::Unreadable)), "{head}");
        }
        for text in [
            "",
            "$",
            "ä",
            "$argon2id$v=19$m=256,t=2,p=1$sält$tag",
            "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ=",
        ] {
            assert!(matches!(StoredHash::parse(text), Err(Unverifiable::Unreadable)), "{text}");
        }
    }

    #[test]
    fn parameters_are_bounded_before_anything_is_computed() {
        for head in [
            "$argon2id$v=19$m=262145,t=2,p=1",
            "$argon2id$v=19$m=4294967295,t=2,p=1",
            "$argon2id$v=19$m=256,t=17,p=1",
            "$argon2id$v=19$m=256,t=2,p=9",
        ] {
            assert!(matches!(parse(head), Err(Unverifiable::OutOfBounds)), "{head}");
        }
        assert!(parse("$argon2id$v=19$m=262144,t=16,p=8").is_ok());
        for salt_and_tag in ["c29tZXM$nf65EOgLrQMR/uIPnA4rEg", "c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4r"] {
            let text = format!("$argon2id$v=19$m=256,t=2,p=1${salt_and_tag}");
            assert!(matches!(StoredHash::parse(&text), Err(Unverifiable::OutOfBounds)), "{text}");
        }
    }

    #[test]
    fn only_what_a_new_hash_would_be_is_up_to_date() {
        let cost = Cost { memory_kib: 256, iterations: 2, parallelism: 1 };
        let current = StoredHash { recipe: Recipe::current(cost), salt: vec![1; 16], tag: vec![2; 32] };
        assert!(!current.is_outdated(cost));
        assert!(current.is_outdated(Cost { memory_kib: 255, ..cost }));
        assert!(current.is_outdated(Cost { iterations: 3, ..cost }));
        assert!(current.is_outdated(Cost { parallelism: 2, ..cost }));
        for head in ["$argon2i$v=19$m=256,t=2,p=1", "$argon2d$v=19$m=256,t=2,p=1", "$argon2id$m=256,t=2,p=1"]
        {
            let older = StoredHash { salt: vec![1; 16], ..parse(head).unwrap() };
            assert!(older.is_outdated(cost), "{head}");
        }
        assert!(StoredHash { salt: vec![1; 8], ..current.clone() }.is_outdated(cost));
        assert!(StoredHash { tag: vec![2; 16], ..current }.is_outdated(cost));
    }

    proptest! {
        #[test]
        fn t37_no_text_panics(text in any::<String>(), tail in "[$=,.v0-9mtp+/A-Za-zé\u{0}]{0,300}") {
            let _ = StoredHash::parse(&text);
            let _ = StoredHash::parse(&tail);
            let _ = StoredHash::parse(&format!("$argon2id$v=19${tail}"));
        }

        #[test]
        fn what_is_written_is_read_back(
            memory_kib in 64..=MAX_COST.memory_kib,
            iterations in 1..=MAX_COST.iterations,
            parallelism in 1..=MAX_STORED_PARALLELISM,
            is_old: bool,
            variant in prop_oneof![Just(Variant::Argon2d), Just(Variant::Argon2i), Just(Variant::Argon2id)],
            salt in prop::collection::vec(any::<u8>(), SALT_LENGTHS),
            tag in prop::collection::vec(any::<u8>(), TAG_LENGTHS),
        ) {
            let version = if is_old { Version::V0x10 } else { Version::V0x13 };
            let cost = Cost { memory_kib, iterations, parallelism };
            let hash = StoredHash { recipe: Recipe { variant, version, cost }, salt, tag };
            let text = hash.to_string();
            prop_assert!(StoredHash::parse(&text) == Ok(hash), "{}", text);
        }
    }
}
