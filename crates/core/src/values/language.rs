//! The languages that people are written to in.

/// A language that every message exists in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Language {
    /// English; for everybody who asked for nothing that there is.
    #[default]
    English,
    /// German.
    German,
    /// French.
    French,
    /// Spanish.
    Spanish,
}

impl Language {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::English, Self::German, Self::French, Self::Spanish];

    /// The language's tag (RFC 5646).
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
            Self::French => "fr",
            Self::Spanish => "es",
        }
    }

    /// Reads a tag, of which only the primary language counts; `None` where there is nothing in that language.
    #[must_use]
    pub fn read(tag: &str) -> Option<Self> {
        let primary = tag.split('-').next().unwrap_or_default();
        Self::ALL.into_iter().find(|language| language.tag().eq_ignore_ascii_case(primary))
    }

    /// The language that an `Accept-Language` header prefers (RFC 9110 §12.5.4), of those there are.
    ///
    /// What cannot be read is passed over; a quality of 0 refuses a language.
    ///
    /// ```
    /// use vestibule_core::values::language::Language;
    ///
    /// assert_eq!(Language::negotiate("it, de-AT;q=0.8, en;q=0.9"), Some(Language::English));
    /// assert_eq!(Language::negotiate("*"), None);
    /// ```
    #[must_use]
    pub fn negotiate(accepted: &str) -> Option<Self> {
        let mut best: Option<(u16, Self)> = None;
        // More than anybody means, and less than would cost anything.
        for range in accepted.split(',').take(MAX_RANGES) {
            let mut parts = range.split(';').map(str::trim);
            let Some(language) = parts.next().and_then(Self::read) else { continue };
            let Some(quality) = parts.next().map_or(Some(FULL), quality) else { continue };
            if quality > 0 && best.is_none_or(|(known, _)| quality > known) {
                best = Some((quality, language));
            }
        }
        best.map(|(_, language)| language)
    }
}

const MAX_RANGES: usize = 32;
/// The quality of a language named without one, in thousandths.
const FULL: u16 = 1000;

/// Reads `q=0.8` into thousandths.
fn quality(parameter: &str) -> Option<u16> {
    let value: f32 = parameter.strip_prefix("q=").or_else(|| parameter.strip_prefix("Q="))?.parse().ok()?;
    // The range check makes the cast exact enough and keeps infinities out.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 1000")]
    (0.0..=1.0).contains(&value).then_some((value * f32::from(FULL)) as u16)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_best_that_there_is() {
        for (accepted, expected) in [
            ("de", Some(Language::German)),
            ("DE-at", Some(Language::German)),
            ("fr-CH, fr;q=0.9, en;q=0.8, de;q=0.7, *;q=0.5", Some(Language::French)),
            ("es;q=0.1,de;q=0.2", Some(Language::German)),
            ("de;q=0, es;q=0.3", Some(Language::Spanish)),
            ("it,ja", None),
            ("", None),
            (";;;,,q=", None),
            ("de;q=2", None),
            ("de;q=NaN, es", Some(Language::Spanish)),
            ("english", None),
        ] {
            assert_eq!(Language::negotiate(accepted), expected, "{accepted}");
        }
    }

    #[test]
    fn a_tag_reads_back() {
        for language in Language::ALL {
            assert_eq!(Language::read(language.tag()), Some(language));
        }
    }

    proptest! {
        #[test]
        fn no_header_panics(accepted in "\\PC{0,200}") {
            let _ = Language::negotiate(&accepted);
        }
    }
}
