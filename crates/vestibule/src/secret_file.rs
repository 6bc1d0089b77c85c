//! The `secret_key` that is kept beside an embedded database.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, ErrorKind, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use vestibule_core::values::secret::{SecretKey, WeakSecret};
use zeroize::Zeroizing;

/// The name of the file in the data folder.
pub const SECRET_KEY_FILE: &str = "secret_key";

/// What keeps git from taking secrets and people's data along.
const GIT_IGNORE: &str = ".gitignore";

/// Why there is no secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretFileError {
    /// The file holds no good secret.
    #[error("the secret key in {} is refused: {weakness}", path.display())]
    Weak {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        weakness: WeakSecret,
    },
    /// There is a database, but not the secret it was made with.
    #[error("the database {} exists, but its secret key {} does not", database.display(), path.display())]
    Lost {
        /// The database.
        database: PathBuf,
        /// Where its secret should be.
        path: PathBuf,
    },
    /// The file cannot be read.
    #[error("the secret key {} cannot be read: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The file cannot be made.
    #[error("the secret key {} cannot be made: {source}", path.display())]
    Unmakeable {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

/// The secret in `folder`; made where there is neither one nor a `database` that would need another.
///
/// Blocks while it reads or writes. The file is private to its owner (mode 0600). A folder that is made for it tells git to
/// leave it out: `./data` often lies in a repository, and whoever has the secret can make tokens.
///
/// # Errors
/// [`SecretFileError`]. A database without its secret is never given a new one, which could open nothing in it.
pub fn obtain_secret_key(folder: &Path, database: &Path) -> Result<SecretKey, SecretFileError> {
    let path = folder.join(SECRET_KEY_FILE);
    match fs::read(&path) {
        Ok(text) => parse(&path, &Zeroizing::new(text)),
        Err(source) if source.kind() != ErrorKind::NotFound => {
            Err(SecretFileError::Unreadable { path, source })
        }
        Err(_) if database.exists() => Err(SecretFileError::Lost { database: database.to_owned(), path }),
        Err(_) => make(folder, &path),
    }
}

fn parse(path: &Path, text: &[u8]) -> Result<SecretKey, SecretFileError> {
    SecretKey::parse(text).map_err(|weakness| SecretFileError::Weak { path: path.to_owned(), weakness })
}

fn make(folder: &Path, path: &Path) -> Result<SecretKey, SecretFileError> {
    let secret = SecretKey::generate();
    match write_new(folder, path, &secret) {
        Ok(()) => Ok(secret),
        // Another process was faster; its key is the one.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            let text = fs::read(path)
                .map_err(|source| SecretFileError::Unreadable { path: path.to_owned(), source })?;
            parse(path, &Zeroizing::new(text))
        }
        Err(source) => Err(SecretFileError::Unmakeable { path: path.to_owned(), source }),
    }
}

/// Writes the key so that the file either is not there or is whole, whatever happens in between.
fn write_new(folder: &Path, path: &Path, secret: &SecretKey) -> io::Result<()> {
    let is_new = !folder.exists();
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    if is_new {
        // As cargo does in `target`. Nothing depends on it, and it may be there already.
        let mut note = OpenOptions::new();
        let _ = note
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(folder.join(GIT_IGNORE))
            .and_then(|mut file| file.write_all(b"*\n"));
    }
    let draft = folder.join(format!("{SECRET_KEY_FILE}.{}", std::process::id()));
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

    #[test]
    fn the_first_start_makes_a_private_file_and_later_ones_take_it() {
        let folder = tempfile::tempdir().unwrap();
        let (data, database) = (folder.path().join("data"), folder.path().join("data/vestibule.db"));
        let made = obtain_secret_key(&data, &database).unwrap();
        let permissions = fs::metadata(data.join(SECRET_KEY_FILE)).unwrap().permissions();
        assert_eq!((permissions.mode() & 0o777, fs::read_dir(&data).unwrap().count()), (0o600, 2));
        fs::write(&database, "x").unwrap();
        assert_eq!(obtain_secret_key(&data, &database).unwrap().expose(), made.expose());
    }

    /// Whoever tries the quick start in a repository and says `git add -A` would publish the secret.
    #[test]
    fn git_leaves_a_new_folder_out_and_an_old_one_is_the_operators() {
        let folder = tempfile::tempdir().unwrap();
        let new = folder.path().join("data");
        obtain_secret_key(&new, &new.join("vestibule.db")).unwrap();
        assert_eq!(fs::read_to_string(new.join(GIT_IGNORE)).unwrap(), "*\n");
        let old = tempfile::tempdir().unwrap();
        obtain_secret_key(old.path(), &old.path().join("vestibule.db")).unwrap();
        assert!(!old.path().join(GIT_IGNORE).exists());
    }

    #[test]
    fn t30_a_database_without_its_key_is_never_given_a_new_one() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("vestibule.db");
        fs::write(&database, "").unwrap();
        let refused = obtain_secret_key(folder.path(), &database).unwrap_err();
        assert!(matches!(refused, SecretFileError::Lost { .. }));
        assert!(!folder.path().join(SECRET_KEY_FILE).exists());
    }

    #[test]
    fn a_weak_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(SECRET_KEY_FILE), "").unwrap();
        let refused = obtain_secret_key(folder.path(), &folder.path().join("db")).unwrap_err();
        assert!(matches!(refused, SecretFileError::Weak { .. }));
    }

    #[test]
    fn processes_that_start_together_agree_on_one_key() {
        let folder = tempfile::tempdir().unwrap();
        let (path, secrets) =
            (folder.path().join(SECRET_KEY_FILE), [SecretKey::generate(), SecretKey::generate()]);
        write_new(folder.path(), &path, &secrets[0]).unwrap();
        let second = write_new(folder.path(), &path, &secrets[1]).unwrap_err();
        assert_eq!(second.kind(), ErrorKind::AlreadyExists);
        assert_eq!(parse(&path, &fs::read(&path).unwrap()).unwrap().expose(), secrets[0].expose());
    }
}
