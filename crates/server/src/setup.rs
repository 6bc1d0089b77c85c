//! The setup URL, made anew at each start of a server without an administrator.
//!
//! # Security
//! Whoever reads it within the hour can make themselves the administrator. It goes to standard output, for the person
//! who starts the server, and to nobody's log: in production with JSON lines, which are shipped and kept elsewhere, the
//! server names the command instead.

use vestibule::core::{Auth, setup::SetupLink};

use crate::config::{Config, LogFormat, Mode};

/// The link to show to whoever starts the server; `None` where there is an administrator, or nobody to show it to.
pub async fn link(config: &Config, auth: &Auth) -> Option<SetupLink> {
    let link = match auth.issue_setup_link().await {
        Ok(link) => link?,
        Err(error) => {
            tracing::warn!(%error, "no setup URL can be made; `vestibule admin create` makes an administrator");
            return None;
        }
    };
    if config.log.format == LogFormat::Json && config.service.mode == Mode::Production {
        tracing::info!("there is no administrator yet; `vestibule admin create` makes one");
        return None;
    }
    Some(link)
}
