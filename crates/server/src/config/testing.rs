//! Configurations of the environment alone, for tests.

use super::{Config, Settings, Sources};

/// Reads a configuration; what is wrong with it, in a line each.
pub(super) fn read(environment: &[(&str, &str)]) -> Result<Config, String> {
    let environment: Vec<_> =
        environment.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
    Settings::layer(Sources { file: None, environment: &environment })
        .and_then(|settings| Config::read(&settings))
        .map_err(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}
