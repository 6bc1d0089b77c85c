//! What a started server says of itself.

use std::{io::Write as _, net::SocketAddr};

use vestibule::core::setup::SetupLink;

use crate::config::{Config, LogFormat};

/// Where a started server is.
pub struct Addresses {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Where its metrics are.
    pub metrics: Option<SocketAddr>,
    /// The link that makes the first administrator, while there is none.
    pub setup: Option<SetupLink>,
    /// Where letters can be read, in development.
    pub inbox: Option<String>,
    /// How it is seen from outside.
    pub public_url: String,
}

/// What the setup URL is for, and what to do once it has expired.
const SETUP_ADVICE: &str = "
There is no administrator yet. Open the setup URL within an hour to make one; it works once.
After that, restart the server for another URL, or run `vestibule admin create`.
";

/// Says that the server is ready: to people on standard output, to machines in the log.
pub fn announce(config: &Config, addresses: &Addresses) {
    let Addresses { listen, metrics, setup, inbox, public_url } = addresses;
    let metrics = metrics.map(|address| format!("http://{address}/metrics"));
    let data = match config.service.database.file() {
        Some(_) => config.service.data_dir.display().to_string(),
        None => config.service.database.to_string(),
    };
    let mode = config.service.mode.as_str();
    let version = env!("CARGO_PKG_VERSION");
    if config.log.format == LogFormat::Json {
        let docs = format!("{public_url}/docs");
        let setup = setup.as_ref().map(|link| link.url.as_str());
        tracing::info!(version, %listen, public_url, docs, data, mode, metrics, inbox, setup, "vestibule is ready");
        return;
    }
    let metrics = metrics.map(|url| format!("  metrics    {url}\n")).unwrap_or_default();
    let inbox = inbox.as_ref().map(|url| format!("  mail       {url}\n")).unwrap_or_default();
    let setup_line = setup.as_ref().map(|link| format!("  setup      {}\n", link.url)).unwrap_or_default();
    let advice = if setup.is_some() { SETUP_ADVICE } else { "" };
    let text = format!(
        "Vestibule {version} is ready ({mode}).\n\n  listening  http://{listen}\n  docs       {public_url}/docs\n{inbox}{metrics}{setup_line}  data       {data}\n{advice}"
    );
    // Nobody is left to be told when standard output is closed.
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}
