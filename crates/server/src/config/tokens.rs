//! `[tokens]`: access and refresh tokens.

use std::{path::PathBuf, time::Duration};

use super::{settings::Settings, value::write_span};
use crate::failure::Problem;

/// The most that clocks and lost answers can excuse; beyond it, a token that is over or used up would go on.
const MOST_TOLERANCE: Duration = Duration::from_mins(5);

/// How tokens are made and how long they live.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// The `iss` claim; the public URL where unset.
    pub issuer: Option<String>,
    /// The `aud` claim; the public URL where unset.
    pub audience: Option<String>,
    /// How long an access token is valid.
    pub access_ttl: Duration,
    /// How long a session lives without being refreshed.
    pub refresh_ttl: Duration,
    /// How long a session lives at all.
    pub refresh_max: Duration,
    /// How long a used refresh token gives the same child again.
    pub refresh_grace: Duration,
    /// The JWS algorithm.
    pub algorithm: String,
    /// A private key from outside.
    pub signing_key_file: Option<PathBuf>,
    /// The scopes a login may ask for.
    pub scopes: Vec<String>,
    /// How far times may be off.
    pub leeway: Duration,
}

impl Tokens {
    pub(super) fn read(settings: &Settings, problems: &mut Vec<Problem>) -> Self {
        let tokens = Self {
            issuer: settings.text("tokens.issuer"),
            audience: settings.text("tokens.audience"),
            access_ttl: settings.span("tokens.access_ttl"),
            refresh_ttl: settings.span("tokens.refresh_ttl"),
            refresh_max: settings.span("tokens.refresh_max"),
            refresh_grace: settings.span("tokens.refresh_grace"),
            algorithm: settings.text("tokens.algorithm").unwrap_or_default(),
            signing_key_file: settings.path("tokens.signing_key_file"),
            scopes: settings.list("tokens.scopes"),
            leeway: settings.span("tokens.leeway"),
        };
        if tokens.refresh_max < tokens.refresh_ttl {
            let sentence = "tokens.refresh_max is shorter than tokens.refresh_ttl";
            problems.push(
                Problem::new(sentence)
                    .help("a session ends at refresh_max at the latest; raise it or lower refresh_ttl"),
            );
        }
        if tokens.refresh_ttl < tokens.access_ttl {
            let sentence = "tokens.access_ttl is longer than tokens.refresh_ttl";
            problems.push(
                Problem::new(sentence).help("an access token cannot outlive its session; minutes are usual"),
            );
        }
        for (name, span) in [("tokens.leeway", tokens.leeway), ("tokens.refresh_grace", tokens.refresh_grace)]
        {
            if span > MOST_TOLERANCE {
                problems.push(Problem::new(format!("{name} must be at most {}", write_span(MOST_TOLERANCE))));
            }
        }
        // `exp` is in whole seconds: a shorter token would be born expired.
        if tokens.access_ttl < Duration::from_secs(1) {
            problems.push(Problem::new("tokens.access_ttl must be at least 1s"));
        }
        tokens
    }
}
