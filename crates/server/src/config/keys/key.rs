//! One key: what its value looks like, what it is when nobody sets it, how the environment names it.

/// What a value looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    Text,
    /// A path of a file or folder.
    Path,
    /// `true` or `false`.
    Switch,
    /// A whole number between two bounds.
    Count(u64, u64),
    /// A number from 0 to 1.
    Share,
    /// A positive span of time with its unit, for example `15m`.
    Span,
    /// A span of time that may be zero.
    SpanOrZero,
    /// One of a few words.
    Choice(&'static [&'static str]),
    /// An IP address and a port.
    Address,
    /// A scheme, a host and perhaps a port: `https://login.example.org`.
    Origin,
    /// A list of origins.
    Origins,
    /// A list of IP addresses and networks.
    Networks,
    /// A list of names.
    Names,
    /// A list of words, in any script and with blanks.
    Words,
    /// A secret of at least 32 bytes.
    Secret,
    /// A list of such secrets.
    Secrets,
    /// A URL that may hold a password.
    SecretUrl,
    /// A password that somebody else chose.
    Password,
}

/// What a key is when nobody sets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Default {
    /// Nothing; the sentence says what follows from that.
    Unset(&'static str),
    /// A value, written as in an environment variable.
    Value(&'static str),
    /// A list.
    List(&'static [&'static str]),
}

/// One configuration key.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// The stable name, `section.key` or `key`.
    pub name: &'static str,
    /// What its value looks like.
    pub kind: Kind,
    /// What it is when nobody sets it.
    pub default: Default,
    /// What it does, in one sentence or two.
    pub doc: &'static str,
}

impl Key {
    /// The section; empty for keys at the top.
    #[must_use]
    pub fn section(&self) -> &'static str {
        self.name.split_once('.').map_or("", |(section, _)| section)
    }

    /// The name within its section.
    #[must_use]
    pub fn short_name(&self) -> &'static str {
        self.name.split_once('.').map_or(self.name, |(_, key)| key)
    }

    /// The environment variable that sets it.
    #[must_use]
    pub fn variable(&self) -> String {
        format!("VESTIBULE_{}", self.name.replace('.', "__").to_uppercase())
    }

    /// Whether its value must never be shown.
    #[must_use]
    pub const fn is_secret(&self) -> bool {
        matches!(self.kind, Kind::Secret | Kind::Secrets | Kind::SecretUrl | Kind::Password)
    }
}

pub(super) const fn key(name: &'static str, kind: Kind, default: &'static str, doc: &'static str) -> Key {
    Key { name, kind, default: Default::Value(default), doc }
}

pub(super) const fn optional(name: &'static str, kind: Kind, unset: &'static str, doc: &'static str) -> Key {
    Key { name, kind, default: Default::Unset(unset), doc }
}

pub(super) const fn list(
    name: &'static str,
    kind: Kind,
    values: &'static [&'static str],
    doc: &'static str,
) -> Key {
    Key { name, kind, default: Default::List(values), doc }
}
