//! T13, authentik CVE-2025-29928: whatever ends sessions ends them on both engines, at once where it was done and after one
//! look on every other node.
#![cfg(feature = "sqlite")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use serde_json::json;
use vestibule_core::ports::store::Store;
use vestibule_testkit::{Client, PASSWORD, TestApp, Tokens};

/// What an administrator or the owner can do to end sessions, and what a login is answered afterwards.
const ENDS: [(&str, u16); 6] = [
    ("disable", 403),
    ("patch", 403),
    ("delete", 401),
    ("delete oneself", 403),
    ("kick", 200),
    ("blackout", 200),
];

/// Two nodes on one database.
struct Nodes {
    here: TestApp,
    there: TestApp,
}

impl Nodes {
    async fn start(here: Arc<dyn Store>, there: Arc<dyn Store>) -> Self {
        let here = TestApp::builder().store(here).start().await;
        let secret = here.secret().clone();
        let there = TestApp::builder().store(there).secret(secret, Vec::new()).start().await;
        Self { here, there }
    }
}

async fn end(boss: &Client, ada: &Client, id: &str, how: &str) {
    let answer = match how {
        "delete oneself" => ada.post("/api/users/delete").json(&json!({"password": PASSWORD})).await,
        "disable" => boss.post(&format!("/api/users/{id}/blacklist")).await,
        "patch" => boss.patch(&format!("/api/v1/users/{id}")).json(&json!({"active": false})).await,
        "delete" => boss.delete(&format!("/api/v1/users/{id}")).await,
        "kick" => boss.post(&format!("/api/users/{id}/kick")).await,
        _ => boss.post("/api/users/blackout").await,
    };
    assert!(answer.status.is_success(), "{how}: {}", answer.text());
}

/// Every token of an account, presented everywhere it can be.
async fn assert_dead(app: &TestApp, tokens: &[Tokens], how: &str) {
    for Tokens { access, refresh } in tokens {
        let bearer = app.client().with_bearer(access);
        let browser = app.client();
        browser.plant_cookie("access_token", access);
        for client in [bearer, browser] {
            for answer in [client.post("/api/users/token").await, client.get("/api/v1/users/me").await] {
                assert_eq!((answer.status.as_u16(), answer.code().as_str()), (401, "invalid_token"), "{how}");
            }
        }
        let browser = app.client();
        browser.plant_cookie("refresh_token", refresh);
        let form = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
        for answer in [
            browser.post("/api/users/token/refresh").await,
            app.client().post("/api/v1/token").form(&form).await,
        ] {
            assert_eq!(answer.status, 401, "{how}");
        }
    }
}

async fn t13_every_end_is_an_end_everywhere(nodes: Nodes) {
    let Nodes { here, there } = &nodes;
    for (number, (how, login)) in ENDS.into_iter().enumerate() {
        let (name, admin) = (format!("ada{number}"), format!("boss{number}"));
        let boss = here.client().registered(&admin).await;
        let boss_id = boss.get("/api/v1/users/me").await.member("id");
        let boss_id = vestibule_core::values::account::AccountId::read(&boss_id).unwrap();
        here.store().insert_permission(boss_id, "admin").await.unwrap().unwrap();
        let ada = here.client().registered(&name).await;
        let id = ada.get("/api/v1/users/me").await.member("id");
        let by_cookie = Tokens {
            access: ada.cookie("access_token").unwrap(),
            refresh: ada.cookie("refresh_token").unwrap(),
        };
        let tokens = [by_cookie, here.client().tokens(&name).await, there.client().tokens(&name).await];
        for app in [here, there] {
            for Tokens { access, .. } in &tokens {
                // From now on it is in the cache of verified tokens.
                let _ = app.client().with_bearer(access).post("/api/users/token").await.expect(200);
            }
        }
        end(&boss, &ada, &id, how).await;
        assert_dead(here, &tokens, how).await;
        assert!(there.store().is_changed_elsewhere().await.unwrap(), "{how} is told");
        there.auth().catch_up().await.unwrap();
        assert_dead(there, &tokens, how).await;
        for app in [here, there] {
            let answer = app.client().log_in(&name, PASSWORD).await;
            assert_eq!(answer.status.as_u16(), login, "{how}: {}", answer.text());
            if login == 200 {
                let _ = app.client().logged_in(&name).await.get("/api/v1/users/me").await.expect(200);
            }
        }
        assert_dead(here, &tokens, how).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t13_every_end_is_an_end_everywhere_on_sqlite() {
    use vestibule_sql::{SqliteOptions, SqliteStore};

    let folder = tempfile::tempdir().unwrap();
    let open = || {
        let options = SqliteOptions::beside(folder.path().join("vestibule.db"));
        tokio::task::spawn_blocking(|| SqliteStore::open(options))
    };
    let (here, there) = (open().await.unwrap().unwrap(), open().await.unwrap().unwrap());
    t13_every_end_is_an_end_everywhere(Nodes::start(here, there).await).await;
}

#[cfg(all(unix, feature = "postgres"))]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t13_every_end_is_an_end_everywhere_on_postgres() {
    use vestibule_sql::{PostgresOptions, PostgresStore};

    let database = vestibule_testkit::servers::PostgresServer::shared().fresh_database();
    let open = || PostgresStore::open(PostgresOptions::parse(&database.url()).unwrap());
    let (here, there) = (open().await.unwrap(), open().await.unwrap());
    t13_every_end_is_an_end_everywhere(Nodes::start(here, there).await).await;
}
