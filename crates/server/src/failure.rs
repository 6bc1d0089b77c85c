//! How a command fails: a sentence that says what is wrong, a hint what to do, and an exit code.

use std::{fmt, io::Write as _, process::ExitCode};

use serde_json::json;
use vestibule::core::ports::{Clock as _, SystemClock};

/// The exit codes, which scripts rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// The command could not do what it was asked to.
    Failed = 1,
    /// The command line or the configuration is wrong.
    Usage = 2,
    /// The storage is away, in use, or of another version.
    Storage = 3,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What is wrong, as a sentence without a final full stop.
    pub sentence: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl Problem {
    /// Says what is wrong.
    pub fn new(sentence: impl Into<String>) -> Self {
        Self { sentence: sentence.into(), help: None }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.sentence)?;
        if let Some(help) = &self.help {
            write!(f, "\nhelp: {help}")?;
        }
        Ok(())
    }
}

/// A command that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// Everything that is wrong, so that it can be put right at once.
    pub problems: Vec<Problem>,
}

impl Failure {
    /// The command could not do what it was asked to.
    #[must_use]
    pub fn failed(problem: Problem) -> Self {
        Self { exit: Exit::Failed, problems: vec![problem] }
    }

    /// The command line or the configuration is wrong.
    #[must_use]
    pub fn usage(problem: Problem) -> Self {
        Self { exit: Exit::Usage, problems: vec![problem] }
    }

    /// The storage did not answer.
    #[must_use]
    pub fn storage(problem: Problem) -> Self {
        Self { exit: Exit::Storage, problems: vec![problem] }
    }

    /// Prints every problem to standard error and gives the exit code.
    #[must_use]
    pub fn report(&self) -> ExitCode {
        let mut stderr = std::io::stderr().lock();
        for problem in &self.problems {
            // Nobody is left to be told when standard error is closed.
            let _ = writeln!(stderr, "{problem}");
        }
        ExitCode::from(self.exit as u8)
    }

    /// As [`Self::report`], but each problem is a JSON object like the lines of the log.
    #[must_use]
    pub fn report_as_json(&self) -> ExitCode {
        let mut stderr = std::io::stderr().lock();
        for Problem { sentence, help } in &self.problems {
            let timestamp = SystemClock.now().to_rfc3339();
            let line = json!({ "timestamp": timestamp, "level": "ERROR", "message": sentence, "help": help });
            // Nobody is left to be told when standard error is closed.
            let _ = writeln!(stderr, "{line}");
        }
        ExitCode::from(self.exit as u8)
    }
}

impl From<Vec<Problem>> for Failure {
    /// A configuration with these problems.
    fn from(problems: Vec<Problem>) -> Self {
        Self { exit: Exit::Usage, problems }
    }
}
