//! T20, better-auth GHSA-7w99-5wm4-3g79: what is good once is good for one of many, on two nodes, on both engines.
#![cfg(feature = "sqlite")]
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod nodes;

use nodes::Nodes;
use serde_json::{Value, json};
use vestibule_testkit::{PASSWORD, TestApp};

/// How many ask at once.
const MANY: usize = 64;

/// The link's token and the code of the newest letter with such a link.
async fn newest(app: &TestApp, kind: &str) -> (String, String) {
    let letters = app.mails().await;
    let found = letters.into_iter().rev().find_map(|letter| {
        let token = letter.links.first()?.rsplit_once(kind)?.1.to_owned();
        Some((token, letter.code?))
    });
    found.unwrap_or_else(|| panic!("no letter with {kind}"))
}

/// Sends the same body to the same path many times at once, to both nodes in turn; one is heard.
async fn one_of_many(nodes: &Nodes, path: &str, body: impl Fn(usize) -> Value, refused: u16) {
    let tasks: Vec<_> = (0..MANY)
        .map(|number| {
            let app = if number % 2 == 0 { &nodes.here } else { &nodes.there };
            let request = app.client().post(path).json(&body(number));
            tokio::spawn(async move { request.await.status.as_u16() })
        })
        .collect();
    let mut statuses = Vec::new();
    for task in tasks {
        statuses.push(task.await.unwrap());
    }
    let heard = statuses.iter().filter(|status| **status == 200).count();
    assert_eq!(heard, 1, "{path}: {statuses:?}");
    assert!(statuses.iter().all(|status| [200, refused].contains(status)), "{path}: {statuses:?}");
}

async fn forgot(nodes: &Nodes, name: &str) -> (String, String) {
    let body = json!({"email": format!("{name}@example.com")});
    let _ = nodes.here.client().post("/api/users/forgot_password").json(&body).await.expect(200);
    newest(&nodes.here, "/reset/").await
}

fn new_password(number: usize) -> Value {
    let password = format!("the staple of horse {number}");
    json!({"password1": password, "password2": password})
}

async fn t20_what_is_good_once_is_redeemed_by_one_of_many(nodes: Nodes) {
    let here = &nodes.here;
    let ada = here.client().registered("ada").await;
    let (token, _) = newest(here, "/confirm/").await;
    one_of_many(&nodes, &format!("/api/users/confirm/{token}"), |_| json!({}), 403).await;

    let _ = here.client().registered("bob").await;
    let (_, code) = newest(here, "/confirm/").await;
    let body = json!({"email": "bob@example.com", "code": code});
    one_of_many(&nodes, "/api/users/confirm_code", |_| body.clone(), 403).await;

    let id = ada.get("/api/v1/users/me").await.member("id");
    let body = json!({"email": "countess@example.com", "password": PASSWORD});
    let _ = ada.post(&format!("/api/users/{id}/change_email")).json(&body).await.expect(200);
    let (token, _) = newest(here, "/confirm/").await;
    one_of_many(&nodes, &format!("/api/users/confirm/{token}"), |_| json!({}), 403).await;
    assert_eq!(ada.get("/api/v1/users/me").await.json()["email"], "countess@example.com");
    let told = here.mails().await.into_iter().filter(|letter| letter.to == "ada@example.com").count();
    assert_eq!(told, 1, "the old address is told once");

    let (token, _) = forgot(&nodes, "countess").await;
    one_of_many(&nodes, &format!("/api/users/password/{token}"), new_password, 404).await;

    let (_, code) = forgot(&nodes, "bob").await;
    let body = |number| {
        let mut body = new_password(number);
        body["email"] = json!("bob@example.com");
        body["code"] = json!(code);
        body
    };
    one_of_many(&nodes, "/api/users/password_code", body, 404).await;
    let told = here.mails().await.into_iter().filter(|letter| letter.to == "bob@example.com").count();
    assert_eq!(told, 1, "the owner is told once");
}

/// Two changes at once of one account: one password is right afterwards, and one address is asked for.
async fn two_changes_at_once_leave_one(nodes: Nodes) {
    let here = nodes.here.client().registered("ada").await;
    let there = nodes.there.client().logged_in("ada").await;
    let change = |client: &vestibule_testkit::Client, number: usize| {
        let mut body = new_password(number);
        body["old_password"] = json!(PASSWORD);
        client.put("/api/users/password").json(&body)
    };
    let (one, other) = tokio::join!(change(&here, 1), change(&there, 2));
    let statuses = [one.status.as_u16(), other.status.as_u16()];
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    let mut right = 0;
    for number in [1, 2] {
        let password = format!("the staple of horse {number}");
        right += usize::from(nodes.there.client().log_in("ada", &password).await.status == 200);
    }
    assert_eq!(right, 1);
    let _ = nodes.here.client().log_in("ada", PASSWORD).await.expect(401);

    let (winner, number) = if statuses[0] == 200 { (&here, 1) } else { (&there, 2) };
    let id = winner.get("/api/v1/users/me").await.member("id");
    let ask = |email: &str| {
        let body = json!({"email": email, "password": format!("the staple of horse {number}")});
        winner.copy().post(&format!("/api/users/{id}/change_email")).json(&body)
    };
    let _ = nodes.here.mails().await;
    let (one, other) = tokio::join!(ask("one@example.com"), ask("other@example.com"));
    let _ = (one.expect(200), other.expect(200));
    let mut proved = 0;
    for letter in nodes.here.mails().await {
        let Some((_, token)) = letter.links[0].rsplit_once("/confirm/") else { continue };
        let answer = nodes.there.client().post(&format!("/api/users/confirm/{token}")).await;
        proved += usize::from(answer.status == 200);
    }
    assert_eq!(proved, 1, "the later one took the place of the earlier one");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t20_what_is_good_once_is_redeemed_by_one_of_many_on_sqlite() {
    t20_what_is_good_once_is_redeemed_by_one_of_many(Nodes::on_sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_changes_at_once_leave_one_on_sqlite() {
    two_changes_at_once_leave_one(Nodes::on_sqlite().await).await;
}

#[cfg(all(unix, feature = "postgres"))]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t20_what_is_good_once_is_redeemed_by_one_of_many_on_postgres() {
    t20_what_is_good_once_is_redeemed_by_one_of_many(Nodes::on_postgres().await).await;
}

#[cfg(all(unix, feature = "postgres"))]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_changes_at_once_leave_one_on_postgres() {
    two_changes_at_once_leave_one(Nodes::on_postgres().await).await;
}
