//! The files: a folder and a database nobody else can read, and the lock of the one that serves.

use std::{
    fs::{DirBuilder, File, OpenOptions, TryLockError},
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

use super::error::OpenError;

/// Makes the folder of the database where it is missing: for its owner only.
pub(super) fn make_folder(database: &Path) -> Result<(), OpenError> {
    let Some(folder) = database.parent().filter(|folder| !folder.as_os_str().is_empty()) else {
        return Ok(());
    };
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(|source| refused(folder, source))
}

/// Makes the database where it is missing, empty and for its owner only; SQLite gives its -wal and -shm the same mode.
pub(super) fn make_database(database: &Path) -> Result<(), OpenError> {
    match private().create_new(true).open(database) {
        Ok(_) => Ok(()),
        Err(source) if source.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(source) => Err(refused(database, source)),
    }
}

/// Takes the lock that only one serving process can hold; it lasts as long as the file stays open.
pub(super) fn lock(database: &Path) -> Result<File, OpenError> {
    let path = lock_path(database);
    let file = private().create(true).open(&path).map_err(|source| refused(&path, source))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::AlreadyServed { path: database.to_owned() }),
        Err(TryLockError::Error(source)) => Err(OpenError::Unlockable { path, source }),
    }
}

fn lock_path(database: &Path) -> PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push(".lock");
    path.into()
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

fn refused(path: &Path, source: io::Error) -> OpenError {
    match source.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            OpenError::NotWritable { path: path.to_owned() }
        }
        _ => OpenError::Unmakeable { path: path.to_owned(), source },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_of_the_file_system_says_what_is_missing() {
        for kind in [ErrorKind::PermissionDenied, ErrorKind::ReadOnlyFilesystem] {
            let error = refused(Path::new("/data/vestibule.db"), kind.into());
            assert!(matches!(error, OpenError::NotWritable { .. }));
            assert!(error.to_string().contains("/data/vestibule.db"));
        }
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        let error = make_folder(&file.join("data/vestibule.db")).unwrap_err();
        assert!(matches!(error, OpenError::Unmakeable { .. }), "{error}");
    }
}
