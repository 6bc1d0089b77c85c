//! Broken rules: what a person is told about a name or a password that cannot be taken.

use std::borrow::Cow;

/// A rule that a value breaks, with its stable code and the sentence for the person who typed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleViolation {
    /// The field, as the request names it.
    pub field: Cow<'static, str>,
    /// The stable code, for example `username_length`.
    pub code: &'static str,
    /// The sentence to show.
    pub message: Cow<'static, str>,
}

impl RuleViolation {
    /// Describes a broken rule.
    #[must_use]
    pub fn new(
        field: impl Into<Cow<'static, str>>,
        code: &'static str,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { field: field.into(), code, message: message.into() }
    }
}
