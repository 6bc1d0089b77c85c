//! What the data folder refuses: a second server, a lost key, a newer database.

use http::StatusCode;
use rusqlite::Connection;
use vestibule::core::values::secret::SecretKey;

use crate::program::Folder;

#[tokio::test]
async fn a_second_server_of_the_same_folder_is_refused() {
    let folder = Folder::new();
    let server = folder.serve();
    let ended = folder.run(&["serve"]);
    assert_eq!(ended.code, 3);
    assert!(ended.stderr.contains("already serves"), "{ended:?}");
    assert_eq!(server.client().get("/health/ready").await.status, StatusCode::OK);
    assert_eq!(server.stop().await.code(), Some(0));
    assert_eq!(folder.serve().stop().await.code(), Some(0), "its lock is gone with it");
}

#[tokio::test]
async fn a_database_without_its_secret_key_is_refused_and_given_no_new_one() {
    let folder = Folder::new();
    folder.serve().stop().await;
    let key = folder.path("vestibule-data/secret_key");
    std::fs::remove_file(&key).unwrap();
    for command in [&["serve"][..], &["keys", "list"], &["migrate"]] {
        let ended = folder.run(command);
        assert_eq!(ended.code, 2);
        assert!(ended.stderr.contains("secret key"), "{ended:?}");
        assert!(!key.exists());
    }
}

#[tokio::test]
async fn another_secret_key_is_refused_unless_the_old_one_is_listed() {
    let folder = Folder::new();
    folder.serve().stop().await;
    let old = std::fs::read_to_string(folder.path("vestibule-data/secret_key")).unwrap();
    let new = String::from_utf8(SecretKey::generate().expose().to_vec()).unwrap();
    let folder = folder.with("VESTIBULE_SECRET_KEY", &new);
    let ended = folder.run(&["serve"]);
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.contains("previous_secret_keys"), "{ended:?}");
    folder.write("old", &old);
    let folder = folder.with("VESTIBULE_PREVIOUS_SECRET_KEYS_FILE", "old");
    assert_eq!(folder.serve().stop().await.code(), Some(0));
}

#[tokio::test]
async fn a_newer_database_is_refused_and_left_alone() {
    let folder = Folder::new();
    folder.serve().stop().await;
    let database = Connection::open(folder.database()).unwrap();
    let newer = "INSERT INTO vestibule_migration (version, name, applied_on, checksum) VALUES (999, 'x', '2030-01-01T00:00:00Z', '1')";
    database.execute(newer, []).unwrap();
    drop(database);
    for command in [&["serve"][..], &["migrate"], &["migrate", "--check"]] {
        let ended = folder.run(command);
        assert_eq!(ended.code, 3, "{ended:?}");
        assert!(ended.stderr.contains("newer version"), "{ended:?}");
    }
}

#[tokio::test]
async fn migrations_are_told_before_they_are_applied() {
    let folder = Folder::new();
    let check = || folder.run(&["migrate", "--check"]);
    let ended = check();
    assert_eq!(ended.code, 1);
    assert!(ended.stdout.contains("V1__accounts"), "{ended:?}");
    assert!(!folder.database().exists(), "a check changes nothing");
    let ended = folder.run(&["migrate"]);
    assert_eq!(ended.code, 0);
    assert!(ended.stdout.contains("V1__accounts"), "{ended:?}");
    assert_eq!(check().code, 0);
    assert_eq!(folder.serve().stop().await.code(), Some(0));
}

#[test]
fn whose_database_it_is_comes_before_a_lost_key() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("vestibule-data")).unwrap();
    Connection::open(folder.database()).unwrap().execute_batch("CREATE TABLE letter (text)").unwrap();
    let ended = folder.run(&["serve"]);
    assert_eq!(ended.code, 3, "{ended:?}");
    assert!(ended.stderr.contains("belongs to another program"), "{ended:?}");
    assert!(!folder.path("vestibule-data/secret_key").exists());
}

#[test]
fn what_is_no_database_is_refused() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("vestibule-data")).unwrap();
    let secret = SecretKey::generate();
    std::fs::write(folder.path("vestibule-data/secret_key"), secret.expose()).unwrap();
    folder.write("vestibule-data/vestibule.db", &"this is a letter, not a database\n".repeat(200));
    let ended = folder.run(&["serve"]);
    assert_eq!(ended.code, 3);
    assert!(ended.stderr.contains("no SQLite database"), "{ended:?}");
}
