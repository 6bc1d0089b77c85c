//! The bearer token in an `Authorization` header (RFC 6750 §2.1), read the same by whoever takes one.

/// What the `Authorization` headers of a request hold for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bearer<'a> {
    /// No header, or one of another scheme.
    Absent,
    /// A token, not yet looked at.
    Present(&'a str),
    /// A header that cannot be read, or more than one: never the same as none.
    Malformed,
}

impl<'a> Bearer<'a> {
    /// Reads the values of every `Authorization` header there is, as bytes. The scheme's name is case-insensitive.
    ///
    /// ```
    /// use vestibule_token::bearer::Bearer;
    ///
    /// assert_eq!(Bearer::read([b"bearer a.b.c".as_slice()]), Bearer::Present("a.b.c"));
    /// assert_eq!(Bearer::read([b"Basic Og==".as_slice()]), Bearer::Absent);
    /// assert_eq!(Bearer::read([b"Bearer a b".as_slice()]), Bearer::Malformed);
    /// ```
    #[must_use]
    pub fn read(values: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut values = values.into_iter();
        let Some(value) = values.next() else {
            return Self::Absent;
        };
        let is_text = value.iter().all(|byte| *byte == b'\t' || (0x20..0x7f).contains(byte));
        match (std::str::from_utf8(value), values.next()) {
            (Ok(value), None) if is_text => Self::read_value(value),
            _ => Self::Malformed,
        }
    }

    fn read_value(value: &'a str) -> Self {
        let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
        if !is_scheme(scheme) {
            return Self::Malformed;
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Self::Absent;
        }
        let token = token.trim_matches(' ');
        // Anything else is no token and must not fall through to another place.
        if is_token(token) { Self::Present(token) } else { Self::Malformed }
    }
}

/// Whether a text can be a bearer token at all (RFC 6750 §2.1, `b64token`), wherever it stands.
#[must_use]
pub fn is_token(text: &str) -> bool {
    let is_token_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    !text.is_empty() && text.bytes().all(is_token_byte)
}

/// RFC 9110 §5.6.2 `token`.
fn is_scheme(scheme: &str) -> bool {
    !scheme.is_empty()
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn t14_a_malformed_header_is_not_an_absent_one() {
        for value in
            ["Bearer", "Bearer ", "bearer  ", "Bearer a b", "Bearer a,b", "", " ", "Béarer x", "Bearer: x"]
        {
            assert_eq!(Bearer::read([value.as_bytes()]), Bearer::Malformed, "{value:?}");
        }
        assert_eq!(Bearer::read([b"Bearer a".as_slice(), b"Bearer a"]), Bearer::Malformed);
        assert_eq!(Bearer::read([b"Basic Og==".as_slice(), b"Bearer a"]), Bearer::Malformed);
        assert_eq!(Bearer::read([b"Bearer \xff".as_slice()]), Bearer::Malformed);
        assert_eq!(Bearer::read([b"Bearer a\tb".as_slice()]), Bearer::Malformed);
        assert_eq!(Bearer::read(["Basic é".as_bytes()]), Bearer::Malformed);
    }

    #[test]
    fn another_scheme_counts_as_absent_and_the_name_ignores_case() {
        for value in ["Basic Og==", "Digest x", "Bearerx y", "Basic"] {
            assert_eq!(Bearer::read([value.as_bytes()]), Bearer::Absent, "{value:?}");
        }
        for value in ["Bearer a.b-c_d", "bearer a.b-c_d", "BEARER  a.b-c_d "] {
            assert_eq!(Bearer::read([value.as_bytes()]), Bearer::Present("a.b-c_d"), "{value:?}");
        }
        assert_eq!(Bearer::read([]), Bearer::Absent);
    }

    proptest! {
        #[test]
        fn t28_no_header_panics(value in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Bearer::read([value.as_slice()]);
        }
    }
}
