//! `vestibule config check`: says whether the configuration is right, and what it comes to.

use serde_json::{Map, Value as Json, json};

use super::output;
use crate::{
    captcha,
    config::{Loaded, Value, keys::KEYS, write_span},
    egress,
    failure::{Failure, Problem},
    mail, startup, webhook,
};

pub(super) fn run(loaded: &Loaded, is_json: bool) -> Result<(), Failure> {
    // What `serve` would read too: a mistake in it is found now.
    startup::read_signing_key(&loaded.config.tokens)?;
    mail::check(&loaded.config)?;
    egress::check(&loaded.config)?;
    webhook::notifier(&loaded.config)?;
    captcha::check(&loaded.config)?;
    startup::open_breached_file(&loaded.config.passwords)?;
    let service = &loaded.config.service;
    let (mode, public_url) = (service.mode.as_str(), service.known_url());
    let file = loaded.file.as_ref().map(|path| path.display().to_string());
    if is_json {
        let values: Map<_, _> =
            KEYS.iter().map(|key| (key.name.to_owned(), shown(loaded.settings.value(key.name)))).collect();
        let warnings: Vec<_> = loaded.config.warnings().into_iter().map(|warning| warning.sentence).collect();
        let shown = json!({
            "file": file, "mode": mode, "public_url": public_url, "values": values, "warnings": warnings
        });
        return output::json(&shown);
    }
    let public_url =
        public_url.unwrap_or_else(|| "http:// and the address that is chosen at the start".into());
    let from = file.unwrap_or_else(|| "defaults and environment; there is no vestibule.toml".into());
    output::line("The configuration is right.\n")?;
    output::table(&[
        vec!["  read from".into(), from],
        vec!["  mode".into(), mode.into()],
        vec!["  public URL".into(), public_url],
        vec!["  listen".into(), service.listen.to_string()],
        vec!["  database".into(), service.database.to_string()],
    ])?;
    for Problem { sentence, help } in loaded.config.warnings() {
        let help = help.map(|help| format!("\nhelp: {help}")).unwrap_or_default();
        output::line(&format!("\nwarning: {sentence}{help}"))?;
    }
    Ok(())
}

/// A value as JSON; of a secret, only that it is set.
fn shown(value: Option<&Value>) -> Json {
    match value {
        None => Json::Null,
        Some(Value::Text(text)) => json!(text),
        Some(Value::Path(path)) => json!(path.display().to_string()),
        Some(Value::Switch(switch)) => json!(switch),
        Some(Value::Count(count)) => json!(count),
        Some(Value::Share(share)) => json!(share),
        Some(Value::Span(span)) => json!(write_span(*span)),
        Some(Value::Address(address)) => json!(address.to_string()),
        Some(Value::List(list)) => json!(list),
        Some(Value::Secret(_) | Value::SecretUrl(_) | Value::Password(_)) => json!("(set)"),
        Some(Value::Secrets(secrets)) => json!(secrets.iter().map(|_| "(set)").collect::<Vec<_>>()),
    }
}
