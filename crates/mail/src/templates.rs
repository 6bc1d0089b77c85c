//! Letters: messages put into words.
//!
//! Every message has a folder of templates, in it three files for each language: subject, text and HTML. They are part
//! of the program; a folder named by `mail.templates_dir` replaces them one by one. Where it does, all of them are
//! rendered once at the start, so that a mistake is found before the first letter. The program's own are rendered by its
//! tests. What a letter needs is compiled for it and let go: letters are few, and compiled templates are large.
//!
//! What people typed reaches a template as data only and is never read as one; in HTML it is escaped.

mod embedded;
mod escape;
mod facts;
mod overrides;
mod words;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use minijinja::{Environment, ErrorKind, UndefinedBehavior, syntax::SyntaxConfig, value::Serde};
use vestibule_core::values::{
    language::Language,
    message::{Content, Message},
};

use facts::Facts;

/// On whose behalf letters are written.
#[derive(Clone, Debug)]
pub struct Site {
    /// What it calls itself.
    pub name: String,
    /// Its public URL.
    pub url: String,
}

/// A message in words.
#[derive(Clone, PartialEq, Eq)]
pub struct Letter {
    /// One line.
    pub subject: String,
    /// Plain text.
    pub text: String,
    /// An HTML document.
    pub html: String,
}

/// Templates that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TemplateError {
    /// A file or folder cannot be read.
    #[error("{} cannot be read: {cause}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// A file that no message uses: a name with a mistake in it would go unnoticed.
    #[error("{} belongs to no message", path.display())]
    Unknown {
        /// Which.
        path: PathBuf,
    },
    /// It does not parse, or fails with the facts of a sample.
    #[error("the template {name} is refused: {cause}")]
    Refused {
        /// Its name below the folder.
        name: String,
        /// Why.
        cause: String,
    },
}

/// A template failed with the facts of a message, which this does not repeat.
#[derive(Debug, thiserror::Error)]
#[error("the template {name} failed: {kind}{}", line.map(|line| format!(" in line {line}")).unwrap_or_default())]
pub struct RenderError {
    name: String,
    kind: ErrorKind,
    line: Option<usize>,
}

/// All templates, checked.
#[derive(Debug)]
pub struct Templates {
    replaced: Arc<HashMap<String, String>>,
    syntax: SyntaxConfig,
    site: Site,
}

impl Templates {
    /// Takes the templates of the program and, in place of some of them, those of a folder.
    ///
    /// # Errors
    /// [`TemplateError`] for a folder that cannot be used, naming the file.
    pub fn load(site: Site, overrides: Option<&Path>) -> Result<Self, TemplateError> {
        let replaced = overrides.map(overrides::read).transpose()?.unwrap_or_default();
        let names: Vec<_> = replaced.iter().map(|(name, _)| name.clone()).collect();
        let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
        let syntax = syntax.map_err(|error| refused("syntax", &error))?;
        let templates = Self { replaced: Arc::new(replaced.into_iter().collect()), syntax, site };
        if overrides.is_some() {
            templates.check(&names)?;
        }
        Ok(templates)
    }

    /// Puts a message into words.
    ///
    /// # Errors
    /// [`RenderError`] where a template fails with the facts of this message.
    pub fn render(&self, message: &Message) -> Result<Letter, RenderError> {
        self.render_in_full(message).map_err(|(name, error)| RenderError {
            name,
            kind: error.kind(),
            line: error.line(),
        })
    }

    fn render_in_full(&self, message: &Message) -> Result<Letter, (String, minijinja::Error)> {
        let mut facts = Facts::new(&self.site, message);
        let environment = self.environment();
        let part = |facts: &Facts, part: &str| {
            let name = file_name(message.content.kind(), message.language, part);
            let rendered = environment.get_template(&name).and_then(|template| template.render(Serde(facts)));
            rendered.map_err(|error| (name, error))
        };
        // Whatever a template says, a subject is one line: a second one would be a header.
        facts.subject = one_line(&part(&facts, SUBJECT)?);
        let text = part(&facts, TEXT)?;
        let html = part(&facts, HTML)?;
        Ok(Letter { subject: facts.subject, text: text.trim().to_owned() + "\n", html })
    }

    /// Compiles what is asked for, and keeps it as long as it lives itself.
    fn environment(&self) -> Environment<'static> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_syntax(self.syntax.clone());
        environment.set_formatter(escape::format);
        let replaced = Arc::clone(&self.replaced);
        environment.set_loader(move |name| {
            Ok(replaced.get(name).cloned().or_else(|| embedded::find(name).map(str::to_owned)))
        });
        environment
    }

    /// Parses the templates of the folder in their order, and renders all there are with samples.
    fn check(&self, replaced: &[String]) -> Result<(), TemplateError> {
        let environment = self.environment();
        for name in replaced {
            environment.get_template(name).map_err(|error| refused(name, &error))?;
        }
        for sample in Language::ALL.into_iter().flat_map(facts::samples) {
            // The samples are no secret: the whole error may be shown.
            let letter = self.render_in_full(&sample).map_err(|(name, error)| refused(&name, &error))?;
            let refuse =
                |part, cause| refused(&file_name(sample.content.kind(), sample.language, part), &cause);
            if letter.subject.is_empty() {
                return Err(refuse(SUBJECT, "it says nothing"));
            }
            let Some(invitation) = sample.content.invitation() else { continue };
            for (part, body) in [(TEXT, &letter.text), (HTML, &letter.html)] {
                if !body.contains(&invitation.link) && !body.contains(&invitation.code) {
                    return Err(refuse(part, "it shows neither {{ link }} nor {{ code }}"));
                }
            }
        }
        Ok(())
    }
}

const SUBJECT: &str = "subject.txt";
const TEXT: &str = "txt";
const HTML: &str = "html";

fn file_name(kind: &str, language: Language, part: &str) -> String {
    format!("{kind}/{}.{part}", language.tag())
}

/// The names of all files that a message has.
fn file_names(kind: &str) -> impl Iterator<Item = String> {
    let parts =
        Language::ALL.into_iter().flat_map(|language| [SUBJECT, TEXT, HTML].map(|part| (language, part)));
    parts.map(move |(language, part)| file_name(kind, language, part))
}

fn is_kind(name: &str) -> bool {
    Content::KINDS.contains(&name)
}

fn refused(name: &str, cause: &impl ToString) -> TemplateError {
    TemplateError::Refused { name: name.to_owned(), cause: cause.to_string() }
}

pub(crate) fn one_line(text: &str) -> String {
    text.split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}
