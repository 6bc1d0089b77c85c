//! The documents, and what stands in them.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Every document written by hand whose examples, paths and links are checked.
pub(crate) const DOCUMENTS: [&str; 11] = [
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "docs/threat-model.md",
    "docs/verifying-tokens.md",
    "docs/adr/0001-one-body-over-two-engines.md",
    "docs/adr/0002-refresh-tokens-as-maced-generations.md",
    "docs/adr/0003-own-hashing-threads.md",
    "docs/adr/0004-error-shape.md",
    "docs/adr/0005-the-password-grant-is-first-party-only.md",
];

/// The root of the repository.
pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A file of the repository.
pub(crate) fn text(path: &str) -> String {
    fs::read_to_string(repository().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A fenced block of code.
#[derive(Debug)]
pub(crate) struct Example {
    pub(crate) language: String,
    pub(crate) code: String,
}

/// The fenced blocks of a document.
pub(crate) fn examples(document: &str) -> Vec<Example> {
    let (mut found, mut open): (Vec<Example>, Option<Example>) = (Vec::new(), None);
    for line in text(document).lines() {
        match (line.strip_prefix("```"), open.as_mut()) {
            (Some(language), None) => {
                open = Some(Example { language: language.to_owned(), code: String::new() });
            }
            (Some(_), Some(_)) => found.extend(open.take()),
            (None, Some(example)) => {
                example.code.push_str(line);
                example.code.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "{document} ends in an example");
    found
}

/// What a document says outside its examples.
fn prose(document: &str) -> String {
    let text = text(document);
    text.split("\n```").step_by(2).collect()
}

/// The paths of the repository that a document names in its prose: what stands in backticks and begins with a folder.
pub(crate) fn paths(document: &str) -> Vec<String> {
    const FOLDERS: [&str; 6] = ["crates/", "docs/", "deploy/", "migrations", "xtask/", ".ci/"];
    let prose = prose(document);
    let quoted = prose.split('`').skip(1).step_by(2);
    let is_path = |quoted: &&str| {
        let is_name = !quoted.contains(|character: char| character.is_whitespace() || character == '*');
        // NAME and its like stand for something that is yet to be written.
        is_name && !quoted.contains("NAME") && FOLDERS.iter().any(|folder| quoted.starts_with(folder))
    };
    quoted.filter(is_path).map(str::to_owned).collect()
}

/// The links of a document to files of the repository.
pub(crate) fn links(document: &str) -> Vec<String> {
    let prose = prose(document);
    let targets = prose.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target);
    let is_file = |target: &&str| !target.contains("://") && !target.starts_with('#');
    targets.filter(is_file).map(|target| target.split('#').next().unwrap_or_default().to_owned()).collect()
}
