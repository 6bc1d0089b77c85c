//! The key that somebody probably meant.

use super::keys::{KEYS, Key, SECTIONS};

/// The known key nearest to `name`, if one is near enough to be worth naming.
pub(super) fn key(name: &str) -> Option<&'static Key> {
    let distances = KEYS.iter().map(|key| {
        // `access_ttl` at the top is a forgotten section rather than eight typing errors.
        let near = distance(name, key.name).min(distance(name, key.short_name()).saturating_add(1));
        (near, key)
    });
    let (near, key) = distances.min_by_key(|(near, _)| *near)?;
    (near <= 2.max(name.len() / 4)).then_some(key)
}

/// The known section nearest to `name`, if one is near enough to be worth naming.
pub(super) fn section(name: &str) -> Option<&'static str> {
    let names = SECTIONS.iter().map(|(known, _)| *known).filter(|known| !known.is_empty());
    let (near, known) = names.map(|known| (distance(name, known), known)).min_by_key(|(near, _)| *near)?;
    (near <= 2.max(name.len() / 4)).then_some(known)
}

/// Levenshtein's distance.
fn distance(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.chars().count()).collect();
    for (position, letter) in from.chars().enumerate() {
        let mut diagonal = position;
        let mut left = position + 1;
        let (first, rest) = row.split_at_mut(1);
        first.fill(left);
        for (cell, other) in rest.iter_mut().zip(to.chars()) {
            let substituted = diagonal + usize::from(letter != other);
            diagonal = *cell;
            left = substituted.min(*cell + 1).min(left + 1);
            *cell = left;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_counts_single_changes() {
        for (from, to, changes) in
            [("", "", 0), ("", "ab", 2), ("kitten", "sitting", 3), ("listen", "lisen", 1), ("ab", "ba", 2)]
        {
            assert_eq!(distance(from, to), changes, "{from} {to}");
        }
    }

    #[test]
    fn only_a_near_key_is_named() {
        assert_eq!(key("lisen").unwrap().name, "listen");
        assert_eq!(key("shutdown_grace").unwrap().name, "server.shutdown_grace");
        assert_eq!(key("server.acess_ttl").map(|key| key.name), None);
        assert!(key("completely_different").is_none());
    }
}
