//! `vestibule routes`: what the server answers to, and who may call it.

use clap::Args;
use serde_json::json;
use vestibule::http::route_audit::audit_routes;

use super::output;
use crate::{config::Config, failure::Failure, policy, startup};

#[derive(Debug, Args)]
pub(super) struct Routes {
    /// Say of each who may call it
    #[arg(long)]
    audit: bool,
}

pub(super) fn list(config: &Config, options: &Routes, is_json: bool) -> Result<(), Failure> {
    let public_url = config.service.public_url(config.service.listen);
    let rules = policy::http_rules(config, &public_url).map_err(|error| startup::unexpected(&error))?;
    let audit = audit_routes(rules.cookies);
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
