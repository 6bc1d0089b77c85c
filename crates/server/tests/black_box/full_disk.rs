//! A disk that takes nothing more: 503 for whatever would be written, nothing corrupt, and back by itself.

use std::process::Command;

use http::{HeaderValue, StatusCode};

use crate::{
    client::{PASSWORD, account},
    program::{Folder, eventually},
};

/// How large a file may become, in blocks of 512 bytes: a write beyond fails as it does on a disk that is full.
const BLOCKS: u32 = 6_000;
/// How many registrations are refused before the disk counts as full.
const REFUSED: usize = 10;
/// More than these files have room for.
const MANY: usize = 2_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_loses_nothing_that_was_answered_and_gets_better_by_itself() {
    // Without the trap the kernel kills whoever writes beyond the limit, which no disk does.
    let folder = Folder::new()
        .with("VESTIBULE_THROTTLE__ENABLED", "false")
        .after(&format!("trap '' XFSZ; ulimit -S -f {BLOCKS}"));
    let server = folder.serve();
    let client = server.client();
    let _ = client.register("ada").await;
    let tokens = client.tokens("ada").await;

    let (mut registered, mut refused) = (vec!["ada".to_owned()], Vec::new());
    for number in 0..MANY {
        let name = format!("name{number}");
        let answer = client.register(&name).await;
        match answer.status {
            StatusCode::CREATED => registered.push(name),
            StatusCode::SERVICE_UNAVAILABLE => {
                assert_eq!(
                    answer.headers.get("retry-after"),
                    Some(&HeaderValue::from_static("1")),
                    "{answer:?}"
                );
                assert!(!answer.text.contains("disk") && !answer.text.contains("full"), "{answer:?}");
                refused.push(name);
            }
            status => panic!("{status}: {answer:?}"),
        }
        // Something smaller may still fit after the first.
        if refused.len() == REFUSED {
            break;
        }
    }
    assert_eq!(refused.len(), REFUSED, "the disk is never full");
    // What only reads goes on.
    assert_eq!(client.get("/health/live").await.status, StatusCode::OK);
    assert_eq!(client.get_as("/api/v1/users/me", &tokens.access).await.status, StatusCode::OK);

    let id = server.id().to_string();
    let raised =
        Command::new("prlimit").args(["--pid", &id, "--fsize=unlimited:unlimited"]).status().unwrap();
    assert!(raised.success());
    // Of what was refused nothing is left that could be in the way.
    for name in refused {
        eventually("it takes registrations again", async || {
            (client.post("/api/v1/users", &account(&name)).await.status == StatusCode::CREATED).then_some(())
        })
        .await;
        registered.push(name);
    }
    assert_eq!(client.refresh(&tokens.refresh).await.status, StatusCode::OK);
    let letters = eventually("every letter is there", async || {
        let inbox = client.get("/dev/mail").await;
        let count = inbox.text.matches("@people.example").count();
        (count >= registered.len().min(20)).then_some(count)
    })
    .await;
    assert!(letters > 0);
    let _ = server.stop().await;

    let server = folder.serve();
    for name in registered.iter().rev().take(10).chain(registered.first()) {
        assert_eq!(server.client().log_in(name, PASSWORD).await.status, StatusCode::OK, "{name}");
    }
    let check = rusqlite::Connection::open(folder.database()).unwrap();
    let verdict: String = check.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(verdict, "ok");
}
