//! E-mail addresses: kept as typed for sending, compared in a canonical form.

use super::rule::RuleViolation;

/// RFC 5321 §4.5.3.1.3: a path of 256 octets, less its angle brackets.
const MAX_LENGTH: usize = 254;
/// RFC 5321 §4.5.3.1.1.
const MAX_LOCAL_PART: usize = 64;

/// An e-mail address that mail can be sent to.
///
/// ```
/// use vestibule_core::values::email::Email;
///
/// let email = Email::parse(" Ada@Bücher.example ").unwrap();
/// assert_eq!(email.as_typed(), "Ada@Bücher.example");
/// assert_eq!(email.canonical(), "ada@xn--bcher-kva.example");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email {
    typed: String,
    canonical: String,
}

impl Email {
    /// Parses an address: trimmed, an RFC 5321 mailbox with an ASCII, unquoted local part.
    ///
    /// # Errors
    /// `invalid_email` for everything else.
    pub fn parse(input: &str) -> Result<Self, RuleViolation> {
        let typed = input.trim();
        match canonical_email(typed) {
            Some(canonical) => Ok(Self { typed: typed.to_owned(), canonical }),
            None => Err(RuleViolation::new("email", "invalid_email", "Enter a valid e-mail address")),
        }
    }

    /// The address as its owner typed it, without surrounding white space: the one mail is sent to.
    #[must_use]
    pub fn as_typed(&self) -> &str {
        &self.typed
    }

    /// The form under which the address is unique: lower case, domain in ASCII.
    #[must_use]
    pub fn canonical(&self) -> &str {
        &self.canonical
    }

    /// The part before the `@`, in canonical form.
    #[must_use]
    pub fn canonical_local_part(&self) -> &str {
        self.canonical.split('@').next().unwrap_or_default()
    }
}

/// The one canonical form of an address; `None` where it is no address. Idempotent.
///
/// The local part is limited to ASCII, so lower-casing cannot join two different mailboxes of different scripts.
pub(crate) fn canonical_email(input: &str) -> Option<String> {
    let input = input.trim();
    if input.len() > MAX_LENGTH {
        return None;
    }
    let (local, domain) = input.rsplit_once('@')?;
    if !is_local_part(local) {
        return None;
    }
    let domain = canonical_domain(domain)?;
    let canonical = format!("{}@{domain}", local.to_ascii_lowercase());
    (canonical.len() <= MAX_LENGTH).then_some(canonical)
}

/// RFC 5321 `Dot-string`, ASCII only.
fn is_local_part(local: &str) -> bool {
    let is_atom_character = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c);
    local.len() <= MAX_LOCAL_PART
        && local.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atom_character))
}

fn canonical_domain(domain: &str) -> Option<String> {
    // An IP literal or a lone host name is no place for a person's mailbox.
    if !domain.contains('.') && domain != "localhost" {
        return None;
    }
    // IDNA drops what nobody sees; mail would go to the address as typed, so nobody may type it.
    if domain.chars().any(is_invisible) {
        return None;
    }
    let ascii = idna::domain_to_ascii_strict(domain).ok()?;
    let is_label = |label: &str| !label.is_empty() && label.len() <= 63;
    let is_sound = ascii.len() <= 253 && ascii.split('.').all(is_label);
    // What decodes to something else than it was encoded from could mask another domain (RUSTSEC-2024-0421).
    let (unicode, decoded) = idna::domain_to_unicode(&ascii);
    let is_stable =
        decoded.is_ok() && idna::domain_to_ascii_strict(&unicode).is_ok_and(|again| again == ascii);
    (is_sound && is_stable && !is_numeric_top_level(&ascii)).then_some(ascii)
}

/// Unicode's default-ignorable characters that a keyboard or a paste can bring.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{e0000}'..='\u{e0fff}')
}

fn is_numeric_top_level(domain: &str) -> bool {
    domain.rsplit('.').next().is_some_and(|label| label.chars().all(|c| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn addresses_that_can_be_mailed_are_taken() {
        for address in [
            "a@b.example",
            "Ada.Lovelace+x@Example.COM",
            "o'neil@example.co.uk",
            "x@bücher.example",
            "a@localhost",
        ] {
            assert!(Email::parse(address).is_ok(), "{address}");
        }
    }

    #[test]
    fn t60_addresses_that_could_inject_or_mislead_are_refused() {
        for address in [
            "",
            "@",
            "a",
            "a@",
            "@b.example",
            "a@b",
            "a b@c.example",
            "a@b..example",
            ".a@b.example",
            "a.@b.example",
            "a..b@c.example",
            "\"a\"@b.example",
            "a@[127.0.0.1]",
            "a@127.0.0.1",
            "a@b.example\r\nBcc: x@y.example",
            "a\0@b.example",
            "ä@b.example",
            "a@-b.example",
            "a@b.example.",
            "<a@b.example>",
            "a@b@c.example",
            "a@xn--a.example",
            "a@b_c.example",
            "a@exa\u{202e}mple.example",
            "a@exa\u{ad}mple.example",
        ] {
            assert!(Email::parse(address).is_err(), "{address:?}");
        }
        assert!(Email::parse(&format!("{}@b.example", "a".repeat(65))).is_err());
        assert!(Email::parse(&format!("a@{}.example", "b".repeat(250))).is_err());
    }

    proptest! {
        #[test]
        fn t06_the_canonical_address_is_idempotent(input in "\\PC{0,20}@\\PC{0,20}\\.example") {
            if let Some(once) = canonical_email(&input) {
                prop_assert_eq!(canonical_email(&once), Some(once.clone()));
            }
        }

        #[test]
        fn no_input_panics(input in any::<String>()) {
            let _ = Email::parse(&input);
        }
    }
}
