//! What a started server says of itself.

use std::{io::Write as _, net::SocketAddr};

use crate::config::{Config, LogFormat};

/// Where a started server is.
pub struct Addresses {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Where its metrics are.
    pub metrics: Option<SocketAddr>,
    /// Where letters can be read, in development.
    pub inbox: Option<String>,
    /// How it is seen from outside.
    pub public_url: String,
}

/// Says that the server is ready: to people on standard output, to machines in the log.
pub fn announce(config: &Config, addresses: &Addresses) {
    let Addresses { listen, metrics, inbox, public_url } = addresses;
    let metrics = metrics.map(|address| format!("http://{address}/metrics"));
    let data = match config.service.database.file() {
        Some(_) => config.service.data_dir.display().to_string(),
        None => config.service.database.to_string(),
    };
    let mode = config.service.mode.as_str();
    let version = env!("CARGO_PKG_VERSION");
    if config.log.format == LogFormat::Json {
        let docs = format!("{public_url}/docs");
        tracing::info!(version, %listen, public_url, docs, data, mode, metrics, inbox, "vestibule is ready");
        return;
    }
    let metrics = metrics.map(|url| format!("  metrics    {url}\n")).unwrap_or_default();
    let inbox = inbox.as_ref().map(|url| format!("  mail       {url}\n")).unwrap_or_default();
    let text = format!(
        "Vestibule {version} is ready ({mode}).\n\n  listening  http://{listen}\n  docs       {public_url}/docs\n{inbox}{metrics}  data       {data}\n"
    );
    // Nobody is left to be told when standard output is closed.
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}
