//! The documents, and what stands in them.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Where the guides are; their examples in Rust are doc tests of the crate `vestibule`, which names them all.
pub(crate) const GUIDES: &str = "docs/guides/";

/// The root of the repository.
pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Every document whose examples, paths and links are checked; what `deploy` ships has tests of its own.
pub(crate) fn documents() -> Vec<String> {
    let in_folder = |folder: &str| {
        let entries = repository().join(folder).read_dir().unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let is_document = |name: &String| Path::new(name).extension().is_some_and(|kind| kind == "md");
        names.filter(is_document).map(|name| format!("{folder}{name}")).collect::<Vec<_>>()
    };
    let found: Vec<_> = ["", "docs/", "docs/adr/", GUIDES].into_iter().flat_map(in_folder).collect();
    assert!(found.len() > 10, "{found:?}");
    found
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
