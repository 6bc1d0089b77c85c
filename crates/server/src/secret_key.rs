//! `secret_key`: the configured one, or the one kept beside the database.

use std::path::Path;

use vestibule::{
    core::values::secret::SecretKey,
    secret_file::{SecretFileError, obtain_secret_key},
    sql::sqlite,
};

use crate::{
    config::Config,
    database::Database,
    failure::{Failure, Problem},
};

/// The secret in force; made where there is neither one nor a database that would need another.
///
/// # Errors
/// Exit code 2 for a weak key, and for a database whose key is lost: a new one could open nothing in it. Exit code 3
/// where the file cannot be written.
pub fn obtain(config: &Config) -> Result<SecretKey, Failure> {
    if let Some(secret) = &config.secrets.current {
        return Ok(secret.clone());
    }
    let database = &config.service.database;
    // A server elsewhere is not asked whether it knows another key: the engine finds out, and refuses.
    let file = database.file().unwrap_or(Path::new(""));
    obtain_secret_key(&config.service.data_dir, file).map_err(|error| whose_fault(&error, database))
}

/// A lost key is told of a database of ours only: what is wrong with another's file comes first.
fn whose_fault(error: &SecretFileError, database: &Database) -> Failure {
    match (error, database.file().map(sqlite::check_migrations)) {
        (SecretFileError::Lost { .. }, Some(Err(foreign))) => {
            Failure::storage(Problem::new(foreign.to_string()))
        }
        _ => refused(error),
    }
}

fn refused(error: &SecretFileError) -> Failure {
    let problem = Problem::new(error.to_string());
    match error {
        SecretFileError::Weak { .. } => {
            Failure::usage(problem.help("restore the file that the server made at its first start"))
        }
        SecretFileError::Lost { .. } => Failure::usage(problem.help(
            "restore the file, or set secret_key_file to where the key is now; a new key could not open what is in \
             the database",
        )),
        SecretFileError::Unmakeable { .. } => {
            Failure::storage(problem.help("give this user write access to data_dir, or choose another folder"))
        }
        SecretFileError::Unreadable { .. } => Failure::usage(problem.help(
            "give this user read access to it, or run as the user the server runs as",
        )),
        _ => Failure::usage(problem),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use vestibule::secret_file::SECRET_KEY_FILE;

    use super::*;
    use crate::config::{Settings, Sources};

    fn config(folder: &Path) -> Config {
        let environment = [("VESTIBULE_DATA_DIR".to_owned(), folder.display().to_string())];
        let settings = Settings::layer(Sources { file: None, environment: &environment });
        Config::read(&settings.unwrap_or_else(|_| unreachable!())).unwrap()
    }

    #[test]
    fn t30_a_database_without_its_key_is_refused_with_a_way_out() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path());
        fs::write(config.service.database.file().unwrap(), "").unwrap();
        let failure = obtain(&config).unwrap_err();
        assert!(failure.problems[0].sentence.contains("secret key"), "{failure:?}");
        assert!(!folder.path().join(SECRET_KEY_FILE).exists());
    }

    #[test]
    fn a_first_start_makes_the_key_that_later_ones_take() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(&folder.path().join("data"));
        let made = obtain(&config).unwrap();
        fs::write(config.service.database.file().unwrap(), "x").unwrap();
        assert_eq!(obtain(&config).unwrap().expose(), made.expose());
    }
}
