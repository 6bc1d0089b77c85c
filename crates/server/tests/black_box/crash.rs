//! A process killed in the middle of its writes: what it had answered is there when it is back.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use http::StatusCode;
use serde_json::json;
use tokio::task::JoinSet;

use crate::{
    client::{Client, PASSWORD, account},
    program::{Folder, Server, eventually},
};

const WRITERS: usize = 8;
/// So many answers are waited for before the kill; it then hits in the middle of many more.
const ANSWERS: usize = 120;

/// What one writer was told before the end.
#[derive(Default)]
struct Told {
    registered: Vec<String>,
    refresh_tokens: Vec<String>,
    logged_out: Vec<String>,
}

async fn write_until_the_end(client: Client, number: usize, answered: Arc<AtomicUsize>) -> Told {
    let mut told = Told::default();
    for round in 0.. {
        let name = format!("w{number}r{round}");
        let Ok(answer) = client.try_post("/api/v1/users", &account(&name)).await else { break };
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        told.registered.push(name.clone());
        answered.fetch_add(1, Ordering::Relaxed);
        let Some(kept) = log_in_and_refresh(client, &name, &answered).await else { break };
        told.refresh_tokens.push(kept);
        let Some(ended) = log_in_and_out(client, &name, &answered).await else { break };
        told.logged_out.push(ended);
    }
    told
}

async fn try_log_in(client: Client, name: &str) -> Option<(String, String)> {
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    let form = format!("username={name}&password={}", PASSWORD.replace(' ', "+"));
    let answer = client.try_send(http::Method::POST, "/api/v1/token", &headers, form).await.ok()?;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    Some((answer.member("access_token"), answer.member("refresh_token")))
}

/// Refreshes a few times; the last token that was answered, however far it got. `None` where there was none.
async fn log_in_and_refresh(client: Client, name: &str, answered: &AtomicUsize) -> Option<String> {
    let (_, mut token) = try_log_in(client, name).await?;
    for _ in 0..10 {
        let refresh = json!({ "refresh_token": token });
        let Ok(answer) = client.try_post("/api/users/token/refresh", &refresh).await else { break };
        token = answer.member("refresh_token");
        answered.fetch_add(1, Ordering::Relaxed);
    }
    Some(token)
}

async fn log_in_and_out(client: Client, name: &str, answered: &AtomicUsize) -> Option<String> {
    let (_, token) = try_log_in(client, name).await?;
    let logout = json!({ "refresh_token": token });
    let answer = client.try_post("/api/users/logout", &logout).await.ok()?;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    answered.fetch_add(1, Ordering::Relaxed);
    Some(token)
}

/// Lets many tasks write, kills the server in between, and gives what they had been told.
async fn write_and_kill(server: Server) -> Vec<Told> {
    let answered = Arc::new(AtomicUsize::new(0));
    let mut writers = JoinSet::new();
    for number in 0..WRITERS {
        writers.spawn(write_until_the_end(server.client(), number, Arc::clone(&answered)));
    }
    let enough = async || (answered.load(Ordering::Relaxed) >= ANSWERS).then_some(());
    eventually("enough is written", enough).await;
    server.kill();
    writers.join_all().await
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_by_kill_9() {
    let folder = Folder::new()
        .with("VESTIBULE_THROTTLE__LOGIN_ATTEMPTS", "100000")
        .with("VESTIBULE_THROTTLE__REGISTRATIONS", "100000")
        // A refresh may have been written and not answered; its client asks again, and the wait here must not matter.
        .with("VESTIBULE_TOKENS__REFRESH_GRACE", "5m");
    let told = write_and_kill(folder.serve()).await;
    let server = folder.serve();
    let client = server.client();
    let mut checked = 0;
    for name in told.iter().flat_map(|told| &told.registered) {
        assert_eq!(client.log_in(name, PASSWORD).await.status, StatusCode::OK, "{name} is lost");
        checked += 1;
    }
    for token in told.iter().flat_map(|told| &told.refresh_tokens) {
        assert_eq!(client.refresh(token).await.status, StatusCode::OK, "a refresh is lost");
        checked += 1;
    }
    for token in told.iter().flat_map(|told| &told.logged_out) {
        assert_eq!(client.refresh(token).await.status, StatusCode::UNAUTHORIZED, "a logout is lost");
    }
    assert!(checked > WRITERS);
    assert_eq!(server.stop().await.code(), Some(0));
}
