//! `vestibule routes`: what the server answers to, and who may call it.

use clap::Args;
use serde_json::json;
use vestibule::{RouteAudit, RoutePolicy, http::route_audit::audit_routes};

use super::output;
use crate::{config::Config, dev_mail, failure::Failure, policy, startup};

#[derive(Debug, Args)]
pub(super) struct Routes {
    /// Say of each who may call it
    #[arg(long)]
    audit: bool,
}

pub(super) fn list(config: &Config, options: &Routes, is_json: bool) -> Result<(), Failure> {
    let public_url = config.service.public_url(config.service.listen);
    let rules = policy::http_rules(config, &public_url).map_err(|error| startup::unexpected(&error))?;
    let audit = with_own_routes(config, &audit_routes(rules.cookies));
    if is_json {
        let rows = audit.rows().iter().map(|row| {
            if options.audit {
                json!({ "method": row.method, "path": row.path, "who": row.who })
            } else {
                json!({ "method": row.method, "path": row.path })
            }
        });
        return output::json(&rows.collect::<Vec<_>>().into());
    }
    if options.audit {
        return output::line(audit.to_string().trim_end());
    }
    audit.rows().iter().try_for_each(|row| output::line(&format!("{:6}  {}", row.method, row.path)))
}

/// What the server answers to beside the library.
fn with_own_routes(config: &Config, audit: &RouteAudit) -> RouteAudit {
    let mut rows = audit.rows().to_vec();
    if dev_mail::is_served(config) {
        rows.push(RoutePolicy::new("GET", dev_mail::PATH, "anyone on this machine"));
    }
    rows.sort();
    RouteAudit::of(rows)
}
