//! Who may call what, as a table.

use std::fmt;

/// A route and who may call it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RoutePolicy {
    /// The method; `ANY` for all.
    pub method: String,
    /// The path as it is routed; `*` for whatever is not listed.
    pub path: String,
    /// Who may call it.
    pub who: String,
}

impl RoutePolicy {
    /// A row.
    #[must_use]
    pub fn new(method: impl Into<String>, path: impl Into<String>, who: impl Into<String>) -> Self {
        Self { method: method.into(), path: path.into(), who: who.into() }
    }
}

impl Ord for RoutePolicy {
    /// By path, so that the methods of a path stand together.
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (&self.path, &self.method, &self.who).cmp(&(&other.path, &other.method, &other.who))
    }
}

impl PartialOrd for RoutePolicy {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// Every route with who may call it; prints as a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouteAudit(Vec<RoutePolicy>);

impl RouteAudit {
    /// A table of these rows, in their order.
    #[must_use]
    pub const fn of(rows: Vec<RoutePolicy>) -> Self {
        Self(rows)
    }

    /// The rows.
    #[must_use]
    pub fn rows(&self) -> &[RoutePolicy] {
        &self.0
    }
}

impl fmt::Display for RouteAudit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |of: fn(&RoutePolicy) -> &str, least: usize| {
            self.0.iter().map(|row| of(row).chars().count()).fold(least, usize::max)
        };
        let methods = width(|row| &row.method, "METHOD".len());
        let paths = width(|row| &row.path, "PATH".len());
        writeln!(f, "{:methods$}  {:paths$}  WHO", "METHOD", "PATH")?;
        self.0.iter().try_for_each(|RoutePolicy { method, path, who }| {
            writeln!(f, "{method:methods$}  {path:paths$}  {who}")
        })
    }
}
