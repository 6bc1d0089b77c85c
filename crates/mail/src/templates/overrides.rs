//! Templates from a folder, in place of those of the program.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{TemplateError, embedded, file_names, is_kind};

/// Reads every template of a folder: those of messages in the folders named after them, those that messages share
/// beside these folders, where there may also be further ones for them to include.
pub(super) fn read(folder: &Path) -> Result<Vec<(String, String)>, TemplateError> {
    let mut found = Vec::new();
    for (path, name) in entries(folder)? {
        if !path.is_dir() {
            if is_template(&name) {
                found.push((name, text(&path)?));
            }
            continue;
        }
        if !is_kind(&name) {
            return Err(TemplateError::Unknown { path });
        }
        for (path, file) in entries(&path)? {
            let file = format!("{name}/{file}");
            if !file_names(&name).any(|known| known == file) {
                return Err(TemplateError::Unknown { path });
            }
            found.push((file, text(&path)?));
        }
    }
    // What everybody includes comes first, so that a mistake in it is told as its own.
    found.sort_by_key(|(name, _)| !embedded::shared().any(|shared| shared == name));
    Ok(found)
}

fn is_template(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|extension| extension == "html" || extension == "txt")
}

/// What is in a folder, in the order of the names, without what is hidden.
fn entries(folder: &Path) -> Result<Vec<(PathBuf, String)>, TemplateError> {
    let unreadable = |cause: io::Error| TemplateError::Unreadable { path: folder.to_owned(), cause };
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') {
            found.push((entry.path(), name));
        }
    }
    found.sort();
    Ok(found)
}

fn text(path: &Path) -> Result<String, TemplateError> {
    fs::read_to_string(path).map_err(|cause| TemplateError::Unreadable { path: path.to_owned(), cause })
}
