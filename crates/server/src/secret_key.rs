//! `secret_key`: the configured one, or the one kept beside the database.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, ErrorKind, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::Path,
};

use vestibule::core::values::secret::SecretKey;
use zeroize::Zeroizing;

use crate::{
    config::Config,
    failure::{Failure, Problem},
};

/// The name of the file in the data folder.
pub const FILE: &str = "secret_key";

/// The secret in force; made where there is neither one nor a database that would need another.
///
/// # Errors
/// Exit code 2 for a weak key, and for a database whose key is lost: a new one could open nothing in it.
pub fn obtain(config: &Config) -> Result<SecretKey, Failure> {
    if let Some(secret) = &config.secrets.current {
        return Ok(secret.clone());
    }
    let folder = &config.service.data_dir;
    let path = folder.join(FILE);
    match fs::read(&path) {
        Ok(text) => parse(&path, &Zeroizing::new(text)),
        Err(error) if error.kind() != ErrorKind::NotFound => Err(unreadable(&path, &error)),
        Err(_) if config.service.database.exists() => Err(lost(config, &path)),
        Err(_) => make(folder, &path),
    }
}

fn parse(path: &Path, text: &[u8]) -> Result<SecretKey, Failure> {
    SecretKey::parse(text).map_err(|weakness| {
        let problem = Problem::new(format!("the secret key in {} is refused: {weakness}", path.display()));
        Failure::usage(problem.help("restore the file that the server made at its first start"))
    })
}

fn lost(config: &Config, path: &Path) -> Failure {
    let database = config.service.database.display();
    let problem = Problem::new(format!(
        "the database {database} exists, but its secret key {} does not",
        path.display()
    ));
    Failure::usage(problem.help(
        "restore the file, or set secret_key_file to where the key is now; a new key could not open what is in the database",
    ))
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    Failure::usage(Problem::new(format!("the secret key {} cannot be read: {error}", path.display())))
}

fn make(folder: &Path, path: &Path) -> Result<SecretKey, Failure> {
    let secret = SecretKey::generate();
    match write_new(folder, path, &secret) {
        Ok(()) => Ok(secret),
        // Another process was faster; its key is the one.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let text = fs::read(path).map_err(|error| unreadable(path, &error))?;
            parse(path, &Zeroizing::new(text))
        }
        Err(error) => {
            let problem = Problem::new(format!("the secret key {} cannot be made: {error}", path.display()));
            Err(Failure::storage(
                problem.help("give this user write access to data_dir, or choose another folder"),
            ))
        }
    }
}

/// Writes the key so that the file either is not there or is whole, whatever happens in between.
fn write_new(folder: &Path, path: &Path, secret: &SecretKey) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let draft = folder.join(format!("{FILE}.{}", std::process::id()));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    let written = file
        .write_all(secret.expose())
        .and_then(|()| file.write_all(b"\n"))
        .and_then(|()| file.sync_all())
        // Unlike a rename, a link never replaces a key that another process has just made.
        .and_then(|()| fs::hard_link(&draft, path));
    fs::remove_file(&draft)?;
    written?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::config::{Settings, Sources};

    fn config(folder: &Path) -> Config {
        let environment = [("VESTIBULE_DATA_DIR".to_owned(), folder.display().to_string())];
        let settings = Settings::layer(Sources { file: None, environment: &environment });
        Config::read(&settings.unwrap_or_else(|_| unreachable!())).unwrap()
    }

    #[test]
    fn the_first_start_makes_a_private_file_and_later_ones_take_it() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(&folder.path().join("data"));
        let made = obtain(&config).unwrap();
        let path = config.service.data_dir.join(FILE);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(&config.service.data_dir).unwrap().count(), 1);
        fs::write(&config.service.database, "x").unwrap();
        assert_eq!(obtain(&config).unwrap().expose(), made.expose());
    }

    #[test]
    fn a_database_without_its_key_is_never_given_a_new_one() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path());
        fs::write(&config.service.database, "").unwrap();
        let failure = obtain(&config).unwrap_err();
        assert!(failure.problems[0].sentence.contains("secret key"));
        assert!(!folder.path().join(FILE).exists());
    }

    #[test]
    fn a_weak_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(FILE), "").unwrap();
        assert!(obtain(&config(folder.path())).is_err());
    }

    #[test]
    fn processes_that_start_together_agree_on_one_key() {
        let folder = tempfile::tempdir().unwrap();
        let (path, secrets) = (folder.path().join(FILE), [SecretKey::generate(), SecretKey::generate()]);
        write_new(folder.path(), &path, &secrets[0]).unwrap();
        let second = write_new(folder.path(), &path, &secrets[1]).unwrap_err();
        assert_eq!(second.kind(), ErrorKind::AlreadyExists);
        assert_eq!(parse(&path, &fs::read(&path).unwrap()).unwrap().expose(), secrets[0].expose());
    }
}
