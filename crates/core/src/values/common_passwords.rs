//! The passwords that most people choose, as a table of digests that is part of the program.
//!
//! `common_passwords.txt` has the words, their source and its licence; a test below makes `common_passwords.bin` of
//! it. The table keeps 40 bits of each word's SHA-256: for every value of the first byte the number of digests up to
//! there (256 × `u16`, little-endian), then, sorted, the other four bytes of each. Of the passwords that are not in
//! the list, 35 000 in 2⁴⁰ are taken for one that is: 3.2 in a hundred million.

use aws_lc_rs::digest::{SHA256, digest};
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

const TABLE: &[u8] = include_bytes!("common_passwords.bin");
const BUCKETS: usize = 256;
const COUNT_BYTES: usize = 2;
const REST_BYTES: usize = 4;

/// Whether a password is among those that most people choose, whatever its case.
pub(super) fn is_common(password: &str) -> bool {
    let (first, rest) = digest_of(password);
    bucket(first).is_some_and(|bucket| bucket.binary_search(&rest).is_ok())
}

/// The remaining bytes of the digests that begin with `first`.
fn bucket(first: u8) -> Option<&'static [[u8; REST_BYTES]]> {
    let (counts, digests) = TABLE.split_at_checked(BUCKETS * COUNT_BYTES)?;
    let (counts, _) = counts.as_chunks::<COUNT_BYTES>();
    let (digests, _) = digests.as_chunks::<REST_BYTES>();
    let up_to = |index: usize| counts.get(index).map(|count| usize::from(u16::from_le_bytes(*count)));
    let start = usize::from(first).checked_sub(1).map_or(Some(0), up_to)?;
    digests.get(start..up_to(usize::from(first))?)
}

fn digest_of(password: &str) -> (u8, [u8; REST_BYTES]) {
    let folded: Zeroizing<String> = Zeroizing::new(password.nfc().flat_map(char::to_lowercase).collect());
    let digest = digest(&SHA256, folded.as_bytes());
    match *digest.as_ref() {
        [first, a, b, c, d, ..] => (first, [a, b, c, d]),
        _ => (0, [0; REST_BYTES]),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    const WORDS: &str = include_str!("common_passwords.txt");

    fn words() -> impl Iterator<Item = &'static str> {
        WORDS.lines().filter(|line| !line.starts_with('#'))
    }

    fn table() -> Vec<u8> {
        let digests: BTreeSet<_> = words().map(digest_of).collect();
        let mut table = Vec::new();
        for first in 0..=u8::MAX {
            let up_to = digests.iter().filter(|(byte, _)| *byte <= first).count();
            table.extend(u16::try_from(up_to).unwrap().to_le_bytes());
        }
        table.extend(digests.iter().flat_map(|(_, rest)| rest));
        table
    }

    #[test]
    fn the_table_is_made_of_the_words() {
        if std::env::var_os("UPDATE_DOCS").is_some() {
            let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/values/common_passwords.bin");
            std::fs::write(path, table()).unwrap();
            return;
        }
        let stale = "run UPDATE_DOCS=1 cargo test -p vestibule-core common_passwords";
        assert!(TABLE == table(), "common_passwords.bin is stale: {stale}");
    }

    #[test]
    fn the_list_is_long_and_small() {
        assert_eq!(words().collect::<BTreeSet<_>>().len(), 35_000);
        assert_eq!(words().filter(|word| word.chars().count() >= 8).count(), 30_000);
        assert!(TABLE.len() < 150_000, "{}", TABLE.len());
        let in_buckets: usize = (0..=u8::MAX).map(|first| bucket(first).unwrap().len()).sum();
        assert_eq!(in_buckets, 35_000, "no two words share their 40 bits");
    }

    #[test]
    fn every_word_is_found_and_no_neighbour_of_it() {
        assert_eq!(words().find(|word| !is_common(word)), None);
        let all: BTreeSet<_> = words().collect();
        for word in words() {
            let neighbour = format!("{word}\u{b7}");
            assert!(!is_common(&neighbour) || all.contains(neighbour.as_str()), "{neighbour}");
        }
    }

    #[test]
    fn what_everybody_chooses_is_common_and_a_sentence_is_not() {
        for password in
            ["password", "Password1", "QWERTZUIOP", "12345678", "iloveyou1", "P@ssw0rd", "changeme"]
        {
            assert!(is_common(password), "{password}");
        }
        for password in ["", "correct horse battery staple", "a quiet sentence of my own", "éééééééé"]
        {
            assert!(!is_common(password), "{password}");
        }
    }

    proptest! {
        #[test]
        fn the_case_does_not_matter(index in 0_usize..35_000, upper in any::<u64>()) {
            let word = words().nth(index).unwrap();
            let mixed: String = word
                .chars()
                .enumerate()
                .map(|(at, c)| if upper >> (at % 64) & 1 == 1 { c.to_ascii_uppercase() } else { c })
                .collect();
            prop_assert!(is_common(&mixed));
        }

        #[test]
        fn the_normal_form_does_not_matter(password in "\\PC{0,40}") {
            let (composed, decomposed): (String, String) = (password.nfc().collect(), password.nfd().collect());
            prop_assert_eq!(digest_of(&composed), digest_of(&decomposed));
        }
    }
}
