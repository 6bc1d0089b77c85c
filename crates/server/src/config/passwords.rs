//! `[passwords]`: rules for passwords, and what a hash costs.

use std::{num::NonZeroUsize, path::PathBuf, thread, time::Duration};

use vestibule::{core::values::password::MIN_TELLING_WORD, hashing::HashingConfig};

use super::settings::Settings;
use crate::failure::Problem;

/// The most memory that hashing may take, in KiB.
pub const MOST_MEMORY_KIB: u64 = 8 * 1024 * 1024;

/// The rules and the cost.
#[derive(Clone, Debug)]
pub struct Passwords {
    /// The least length in Unicode scalar values.
    pub min_length: usize,
    /// The greatest length in Unicode scalar values.
    pub max_length: usize,
    /// Words that no password may contain.
    pub context_words: Vec<String>,
    /// The file with the hashes of breached passwords.
    pub breached_file: Option<PathBuf>,
    /// The memory of one hash, in KiB.
    pub memory_kib: u32,
    /// The passes of one hash.
    pub iterations: u32,
    /// The lanes of one hash.
    pub parallelism: u32,
    /// How many hashes are computed at once; one per processor where unset.
    pub threads: Option<usize>,
    /// The longest wait that the queue may imply.
    pub queue_wait_max: Duration,
}

impl Passwords {
    pub(super) fn read(settings: &Settings, problems: &mut Vec<Problem>) -> Self {
        let size = |name| settings.count(name).and_then(|count| usize::try_from(count).ok());
        let cost = |name| settings.count(name).and_then(|count| u32::try_from(count).ok()).unwrap_or(1);
        let passwords = Self {
            min_length: size("passwords.min_length").unwrap_or(8),
            max_length: size("passwords.max_length").unwrap_or(256),
            context_words: settings.list("passwords.context_words"),
            breached_file: settings.path("passwords.breached_file"),
            memory_kib: cost("passwords.memory_kib"),
            iterations: cost("passwords.iterations"),
            parallelism: cost("passwords.parallelism"),
            threads: size("passwords.threads"),
            queue_wait_max: settings.span("passwords.queue_wait_max"),
        };
        if passwords.min_length > passwords.max_length {
            problems.push(Problem::new("passwords.min_length is greater than passwords.max_length"));
        }
        if let Some(word) =
            passwords.context_words.iter().find(|word| word.chars().count() < MIN_TELLING_WORD)
        {
            let sentence =
                format!("passwords.context_words has \"{word}\", which too many passwords contain");
            let help = format!("leave out words of fewer than {MIN_TELLING_WORD} symbols");
            problems.push(Problem::new(sentence).help(help));
        }
        if let Err(error) = passwords.hashing().validate() {
            problems.push(Problem::new(format!("[passwords] {error}")));
        }
        passwords.check_memory(problems);
        passwords
    }

    /// Refuses more memory than can have been meant: the kernel would end the server under load, not at its start.
    fn check_memory(&self, problems: &mut Vec<Problem>) {
        let processors = || thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let threads = self.threads.unwrap_or_else(processors) as u64;
        let kib = threads.saturating_mul(self.memory_kib.into());
        if kib > MOST_MEMORY_KIB {
            let memory = self.memory_kib;
            let gib = kib / (1024 * 1024);
            let sentence = format!(
                "passwords.threads × passwords.memory_kib, {threads} × {memory} KiB, is {gib} GiB for hashing"
            );
            problems.push(Problem::new(sentence).help("lower one of them; together they may take 8 GiB"));
        }
    }

    /// The cost of a hash and the bounds of its queue.
    #[must_use]
    pub fn hashing(&self) -> HashingConfig {
        HashingConfig {
            memory_kib: self.memory_kib,
            iterations: self.iterations,
            parallelism: self.parallelism,
            threads: self.threads.and_then(NonZeroUsize::new),
            queue_wait_max: self.queue_wait_max,
            ..HashingConfig::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{Config, Sources, settings::Settings};

    fn refusal(environment: &[(&str, &str)]) -> Option<String> {
        let environment: Vec<_> =
            environment.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        let read = Settings::layer(Sources { file: None, environment: &environment })
            .and_then(|settings| Config::read(&settings));
        read.err().map(|problems| problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    }

    #[test]
    fn t30_hashes_as_cheap_as_those_of_tests_are_refused_in_every_mode() {
        const CHEAP: [(&str, &str); 2] =
            [("VESTIBULE_PASSWORDS__MEMORY_KIB", "8"), ("VESTIBULE_PASSWORDS__ITERATIONS", "1")];
        assert_eq!(refusal(&[]), None);
        for mode in ["development", "production"] {
            let told = refusal(&[("VESTIBULE_MODE", mode), CHEAP[0], CHEAP[1]]).unwrap();
            assert!(told.contains("memory_kib = 8 with iterations = 1 is too weak"), "{told}");
        }
    }
}
