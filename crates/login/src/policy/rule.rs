//! One rule, as it is written in a program or in a file, and what is wrong with it.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What a permission is called in a file.
const PERMISSION: &str = "permission:";

/// Whether a rule allows or denies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// It allows, unless another rule denies.
    Allow,
    /// It denies, whatever other rules allow.
    Deny,
}

/// Whom a rule means. In a file: `anyone`, `logged_in`, `owner`, `permission:NAME`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Subject {
    /// Everybody, logged in or not.
    Anyone,
    /// Everybody who is logged in.
    AnyUser,
    /// Whose thing it is.
    Owner,
    /// Who has the permission of exactly this name; a role is one, for applications that have roles.
    Permission(String),
}

impl Subject {
    /// Who has a permission, or a role.
    pub fn permission(name: impl Into<String>) -> Self {
        Self::Permission(name.into())
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anyone => f.write_str("anyone"),
            Self::AnyUser => f.write_str("logged_in"),
            Self::Owner => f.write_str("owner"),
            Self::Permission(name) => write!(f, "{PERMISSION}{name}"),
        }
    }
}

/// A text that names nobody.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is none of anyone, logged_in, owner and permission:NAME")]
pub struct BadSubject(String);

impl FromStr for Subject {
    type Err = BadSubject;

    fn from_str(text: &str) -> Result<Self, BadSubject> {
        match (text, text.strip_prefix(PERMISSION)) {
            ("anyone", _) => Ok(Self::Anyone),
            ("logged_in", _) => Ok(Self::AnyUser),
            ("owner", _) => Ok(Self::Owner),
            (_, Some(name)) if !name.is_empty() => Ok(Self::permission(name)),
            _ => Err(BadSubject(text.to_owned())),
        }
    }
}

impl Serialize for Subject {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Subject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// One rule: an effect, the actions and things it speaks of, whom it means, and when.
///
/// Names of actions and things match as hierarchical scopes do: `posts:*` covers `posts:edit` and `posts:edit:title`, `*`
/// covers everything, and a star stands nowhere else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[must_use = "give it to a policy"]
pub struct Rule {
    pub(super) name: String,
    pub(super) effect: Effect,
    pub(super) actions: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) resources: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) to: Vec<Subject>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) when: Vec<String>,
}

/// The rules of a file: `{"rules": […]}` in JSON, `[[rules]]` in TOML.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyRules {
    /// In any order.
    pub rules: Vec<Rule>,
}

impl Rule {
    /// A rule that allows, under a name for explanations; say what, and to whom.
    pub fn allow(name: impl Into<String>) -> Self {
        Self::of(name.into(), Effect::Allow)
    }

    /// A rule that denies, whatever others allow; say what. Unless it says to whom, it means everybody.
    pub fn deny(name: impl Into<String>) -> Self {
        Self::of(name.into(), Effect::Deny)
    }

    const fn of(name: String, effect: Effect) -> Self {
        Self { name, effect, actions: Vec::new(), resources: Vec::new(), to: Vec::new(), when: Vec::new() }
    }

    /// The actions it speaks of.
    pub fn actions<N: Into<String>>(mut self, patterns: impl IntoIterator<Item = N>) -> Self {
        self.actions.extend(patterns.into_iter().map(Into::into));
        self
    }

    /// The things it speaks of; all of them, unless it names some.
    pub fn resources<N: Into<String>>(mut self, patterns: impl IntoIterator<Item = N>) -> Self {
        self.resources.extend(patterns.into_iter().map(Into::into));
        self
    }

    /// Whom it means: anybody of these.
    pub fn to(mut self, subjects: impl IntoIterator<Item = Subject>) -> Self {
        self.to.extend(subjects);
        self
    }

    /// The conditions that must all hold.
    pub fn when<N: Into<String>>(mut self, conditions: impl IntoIterator<Item = N>) -> Self {
        self.when.extend(conditions.into_iter().map(Into::into));
        self
    }

    pub(super) fn is_for_everybody(&self) -> bool {
        self.effect == Effect::Deny && self.to.is_empty()
    }

    pub(super) fn check(&self) -> Result<(), BadPolicy> {
        let name = || self.name.clone();
        if self.name.is_empty() {
            return Err(BadPolicy::NoName);
        }
        if self.actions.is_empty() {
            return Err(BadPolicy::NoAction(name()));
        }
        if self.to.is_empty() && self.effect == Effect::Allow {
            return Err(BadPolicy::Nobody(name()));
        }
        let is_pattern = |text: &String| match text.split_once('*') {
            None => !text.is_empty(),
            Some((before, after)) => after.is_empty() && (before.is_empty() || before.ends_with(':')),
        };
        match self.actions.iter().chain(&self.resources).find(|text| !is_pattern(text)) {
            Some(pattern) => Err(BadPolicy::Pattern { rule: name(), pattern: pattern.clone() }),
            None => Ok(()),
        }
    }
}

/// Why rules are no policy; each message is a sentence about one of them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadPolicy {
    /// A rule without a name.
    #[error("a rule has no name; decisions are explained by it")]
    NoName,
    /// Two rules of one name.
    #[error("two rules are named `{0}`")]
    NamedTwice(String),
    /// A rule about nothing.
    #[error("rule `{0}` names no action")]
    NoAction(String),
    /// A rule that allows nobody anything.
    #[error("rule `{0}` allows nobody anything; say `to` whom")]
    Nobody(String),
    /// A pattern that matches nothing its writer meant.
    #[error("`{pattern}` in rule `{rule}` is no pattern; a star stands alone or after the last colon")]
    Pattern {
        /// The rule.
        rule: String,
        /// The pattern.
        pattern: String,
    },
    /// A condition that nobody has defined.
    #[error("rule `{rule}` speaks of the condition `{condition}`, which does not exist")]
    Condition {
        /// The rule.
        rule: String,
        /// The condition.
        condition: String,
    },
}
