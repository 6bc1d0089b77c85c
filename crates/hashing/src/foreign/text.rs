//! What the notations of other systems have in common.

use base64::{
    Engine as _,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

use super::{MAX_SALT, TAG_LENGTHS};
use crate::phc::Unverifiable;

/// Padded or not, and with whatever stands in the bits that do not count.
const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);

const STANDARD: GeneralPurpose = GeneralPurpose::new(&base64::alphabet::STANDARD, LENIENT);

const BCRYPT: GeneralPurpose = GeneralPurpose::new(&base64::alphabet::BCRYPT, LENIENT);

/// The fields of a text between its `$`; exactly as many as asked for.
pub(super) fn fields<const N: usize>(text: &str) -> Result<[&str; N], Unverifiable> {
    let fields: Vec<&str> = text.splitn(N + 1, '$').collect();
    fields.try_into().map_err(|_| Unverifiable::Unreadable)
}

/// The values of `name=value,name=value`, in any order, by the order of `names`; no name twice, and no others.
pub(super) fn values<'a, const N: usize>(
    list: &'a str,
    names: [&str; N],
) -> Result<[Option<&'a str>; N], Unverifiable> {
    let mut values = [None; N];
    for pair in list.split(',') {
        let (name, value) = pair.split_once('=').ok_or(Unverifiable::Unreadable)?;
        let slot = names.iter().zip(&mut values).find(|(known, _)| **known == name);
        let (_, slot) = slot.ok_or(Unverifiable::Unreadable)?;
        if slot.replace(value).is_some() {
            return Err(Unverifiable::Unreadable);
        }
    }
    Ok(values)
}

/// A number in decimal digits without sign and leading zeros.
pub(super) fn number(text: &str) -> Result<u32, Unverifiable> {
    crate::phc::parse_decimal(text).ok_or(Unverifiable::Unreadable)
}

/// Base64 as other systems write it: standard, for URLs, or passlib's with `.` for `+`.
pub(super) fn base64(text: &str) -> Result<Vec<u8>, Unverifiable> {
    let standard: String = text
        .chars()
        .map(|character| match character {
            '-' | '.' => '+',
            '_' => '/',
            other => other,
        })
        .collect();
    STANDARD.decode(standard).map_err(|_| Unverifiable::Unreadable)
}

/// Base64 with the alphabet of bcrypt.
pub(super) fn bcrypt_base64<const N: usize>(text: &str) -> Result<[u8; N], Unverifiable> {
    let bytes = BCRYPT.decode(text).map_err(|_| Unverifiable::Unreadable)?;
    bytes.try_into().map_err(|_| Unverifiable::Unreadable)
}

/// Lets a salt and a tag through whose lengths are within bounds.
pub(super) fn bounded(salt: Vec<u8>, tag: Vec<u8>) -> Result<(Vec<u8>, Vec<u8>), Unverifiable> {
    if salt.len() > MAX_SALT || !TAG_LENGTHS.contains(&tag.len()) {
        return Err(Unverifiable::OutOfBounds);
    }
    Ok((salt, tag))
}
