//! Files, locks, migrations, and the sentences for what is refused.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{os::unix::fs::PermissionsExt, path::Path};

use rusqlite::Connection;
use tempfile::TempDir;
use vestibule_core::ports::store::prelude::*;
use vestibule_sql::{
    OpenError, SqliteOptions, SqliteStore,
    sqlite::{check_migrations, migrate},
};
use vestibule_testkit::contract::samples::register;

fn folder() -> (TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data/vestibule.db");
    (folder, path)
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn refusal(path: &Path) -> OpenError {
    let error = SqliteStore::open(SqliteOptions::serve(path)).unwrap_err();
    let sentence = error.to_string();
    assert!(sentence.ends_with('.') && sentence.contains(". "), "says what to do: {sentence}");
    assert!(sentence.contains(&path.display().to_string()) || path.is_dir(), "{sentence}");
    error
}

#[tokio::test]
async fn nobody_else_can_read_the_files() {
    let (_folder, path) = folder();
    let store = SqliteStore::open(SqliteOptions::serve(&path)).unwrap();
    register(&*store, "ada").await;
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    let mut names = Vec::new();
    for file in std::fs::read_dir(path.parent().unwrap()).unwrap() {
        let file = file.unwrap();
        assert_eq!(mode(&file.path()), 0o600, "{:?}", file.path());
        names.push(file.file_name().into_string().unwrap());
    }
    names.sort();
    assert_eq!(names, ["vestibule.db", "vestibule.db-shm", "vestibule.db-wal", "vestibule.db.lock"]);
    store.close().await;
    assert!(!path.with_extension("db-wal").exists(), "closing leaves one tidy file");
}

#[tokio::test]
async fn a_second_server_is_refused_and_the_cli_is_not() {
    let (_folder, path) = folder();
    let store = SqliteStore::open(SqliteOptions::serve(&path)).unwrap();
    assert!(matches!(refusal(&path), OpenError::AlreadyServed { .. }));
    let beside = SqliteStore::open(SqliteOptions::beside(&path)).unwrap();
    register(&*beside, "ada").await;
    beside.close().await;
    store.close().await;
    // Closed, though somebody still holds it.
    SqliteStore::open(SqliteOptions::serve(&path)).unwrap().close().await;
    drop(store);
}

#[test]
fn what_is_no_database_of_ours_is_refused_and_left_alone() {
    let (_folder, path) = folder();
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let text = "This is no database, however long it is. ".repeat(100);
    std::fs::write(&path, &text).unwrap();
    assert!(matches!(refusal(&path), OpenError::NotADatabase { .. }));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);

    std::fs::remove_file(&path).unwrap();
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE account (id INTEGER)").unwrap();
    let before = std::fs::read(&path).unwrap();
    assert!(matches!(refusal(&path), OpenError::Foreign { .. }));
    assert!(matches!(check_migrations(&path), Err(OpenError::Foreign { .. })));
    assert_eq!(std::fs::read(&path).unwrap(), before);

    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    refusal(&path);
}

#[tokio::test]
async fn a_newer_database_is_refused_and_left_alone() {
    let (_folder, path) = folder();
    SqliteStore::open(SqliteOptions::serve(&path)).unwrap().close().await;
    let newer = "INSERT INTO vestibule_migration VALUES (999, 'later', '2030-01-01T00:00:00Z', '1')";
    Connection::open(&path).unwrap().execute_batch(newer).unwrap();
    let OpenError::Newer { found, known, .. } = refusal(&path) else { panic!("a newer one is taken") };
    assert!(found == 999 && known < 999);
    assert!(matches!(check_migrations(&path), Err(OpenError::Newer { .. })));
    assert!(matches!(migrate(&path), Err(OpenError::Newer { .. })));
}

#[test]
fn a_database_migrated_by_other_files_is_refused_and_left_alone() {
    let (_folder, path) = folder();
    migrate(&path).unwrap();
    let altered = "UPDATE vestibule_migration SET checksum = '1' WHERE version = 2";
    Connection::open(&path).unwrap().execute_batch(altered).unwrap();
    let OpenError::Altered { name, .. } = refusal(&path) else { panic!("an altered one is taken") };
    assert!(name.starts_with("V2__"), "{name}");
    assert!(matches!(check_migrations(&path), Err(OpenError::Altered { .. })));
    assert!(matches!(migrate(&path), Err(OpenError::Altered { .. })));
}

#[test]
fn migrations_are_checked_without_being_run() {
    let (_folder, path) = folder();
    let before = check_migrations(&path).unwrap();
    assert!(before.applied.is_empty() && before.pending.first().is_some_and(|name| name == "V1__accounts"));
    assert!(!path.exists());
    assert_eq!(migrate(&path).unwrap(), before.pending);
    let after = check_migrations(&path).unwrap();
    assert_eq!((after.applied, after.pending), (before.pending, Vec::new()));
    assert_eq!(migrate(&path).unwrap(), Vec::<String>::new());
}

#[test]
fn a_migration_that_fails_leaves_nothing_behind() {
    let (_folder, path) = folder();
    migrate(&path).unwrap();
    let connection = Connection::open(&path).unwrap();
    // As if the last file had never run; and its record, which comes last, is refused.
    connection
        .execute_batch(
            "DELETE FROM vestibule_migration WHERE version = 18; DROP TABLE known_device; \
             CREATE TRIGGER refusal BEFORE INSERT ON vestibule_migration BEGIN SELECT RAISE(ABORT, 'no'); END;",
        )
        .unwrap();
    assert!(matches!(migrate(&path), Err(OpenError::Migration { .. })));
    let columns = "SELECT COUNT(*) FROM sqlite_master WHERE name = 'known_device'";
    assert_eq!(connection.query_row(columns, [], |row| row.get::<_, i64>(0)).unwrap(), 0);
    let leases = "SELECT COUNT(*) FROM migration_lease";
    assert_eq!(connection.query_row(leases, [], |row| row.get::<_, i64>(0)).unwrap(), 0);

    connection.execute_batch("DROP TRIGGER refusal").unwrap();
    assert_eq!(migrate(&path).unwrap(), ["V18__known_devices"]);
}

#[test]
fn the_lease_of_a_dead_process_runs_out() {
    let (_folder, path) = folder();
    migrate(&path).unwrap();
    let connection = Connection::open(&path).unwrap();
    connection
        .execute_batch(
            "DELETE FROM vestibule_migration WHERE version = 18; DROP TABLE known_device; \
             INSERT INTO migration_lease VALUES (1, 'dead', 1);",
        )
        .unwrap();
    assert_eq!(migrate(&path).unwrap(), ["V18__known_devices"]);
}
