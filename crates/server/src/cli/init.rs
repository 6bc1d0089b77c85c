//! `vestibule init`: writes a configuration file that changes nothing.

use std::{
    fs::OpenOptions,
    io::{ErrorKind, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use serde_json::json;

use super::output;
use crate::{
    config::{DEFAULT_FILE, template},
    failure::{Failure, Problem},
};

pub(super) fn run(named: Option<&Path>, force: bool, is_json: bool) -> Result<(), Failure> {
    let path = named.unwrap_or(Path::new(DEFAULT_FILE));
    let mut options = OpenOptions::new();
    // A secret may be written into it later.
    options.write(true).mode(0o600);
    if force {
        options.create(true).truncate(true)
    } else {
        options.create_new(true)
    };
    let written = options.open(path).and_then(|mut file| file.write_all(template::render().as_bytes()));
    written.map_err(|error| {
        let shown = path.display();
        Failure::failed(if error.kind() == ErrorKind::AlreadyExists {
            Problem::new(format!("{shown} already exists")).help("use --force to replace it")
        } else {
            Problem::new(format!("{shown} cannot be written: {error}"))
        })
    })?;
    if is_json {
        return output::json(&json!({ "file": path.display().to_string() }));
    }
    output::line(&format!("Wrote {}. Every key is shown with its default.", path.display()))
}
