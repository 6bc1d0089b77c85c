//! A process killed in the middle of its writes has lost nothing that it answered.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Command, Stdio},
};

use vestibule_core::{
    ports::store::{Rotation, prelude::*},
    values::{account::AccountId, session::SessionId},
};
use vestibule_sql::{SqliteOptions, SqliteStore};
use vestibule_testkit::contract::samples::{at, log_in, register, rotation};

/// Tells the child of this test which database to write to.
const DATABASE: &str = "VESTIBULE_TEST_KILLED_DATABASE";
/// How many answered writes to wait for before the kill.
const ANSWERED: usize = 300;

/// What the child does until it is killed: register, log in, refresh, and say so after each answer.
async fn write_until_killed(path: PathBuf) {
    let store = SqliteStore::open(SqliteOptions::serve(path)).unwrap();
    let tasks: Vec<_> = (0..8)
        .map(|task| {
            let store = store.clone();
            tokio::spawn(async move {
                for number in 0.. {
                    let account = register(&*store, &format!("t{task}n{number}")).await.id;
                    let session = log_in(&*store, account, at(0)).await;
                    store.rotate_session(rotation(session, 0, at(1))).await.unwrap();
                    eprintln!("answered {account} {session}");
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_answered_before_a_kill_is_there_after_it() {
    if let Some(path) = std::env::var_os(DATABASE) {
        return write_until_killed(path.into()).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vestibule.db");
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "what_was_answered_before_a_kill_is_there_after_it", "--nocapture"])
        .env(DATABASE, &path)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut answered = Vec::new();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    for line in lines.by_ref() {
        answered.push(line);
        if answered.len() == ANSWERED {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    assert!(answered.len() >= ANSWERED, "{answered:?}");

    // The kill released the lock, and the log of the dead process is taken up.
    let store = SqliteStore::open(SqliteOptions::serve(path)).unwrap();
    for line in answered.iter().filter(|line| line.starts_with("answered ") && line.len() == 82) {
        let mut words = line.split(' ').skip(1);
        let account = AccountId::read(words.next().unwrap()).unwrap();
        let session = SessionId::read(words.next().unwrap()).unwrap();
        assert!(store.find_account(account).await.unwrap().is_some(), "{line}");
        let next = store.rotate_session(rotation(session, 1, at(2))).await.unwrap();
        assert!(matches!(next, Rotation::Rotated(_)), "{line}: {next:?}");
    }
    store.close().await;
}
