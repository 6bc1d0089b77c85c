//! T13, authentik CVE-2025-29928: whatever ends sessions ends them on both engines, at once where it was done and after one
//! look on every other node, and ends no others.
#![cfg(feature = "sqlite")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod nodes;

use nodes::Nodes;
use serde_json::{Value, json};
use vestibule_core::ports::store::prelude::*;
use vestibule_testkit::{Client, PASSWORD, TestApp, Tokens};

const NEW: &str = "another horse battery staple";
/// Far more than it takes; a machine may be busy.
const PATIENCE: std::time::Duration = std::time::Duration::from_mins(1);

/// A way to end sessions.
struct End {
    how: &'static str,
    /// Whether the session that asks for it lives on.
    spares_its_own: bool,
    /// The password that is right afterwards, and what a login with it is answered.
    login: (&'static str, u16),
}

const fn end(how: &'static str, spares_its_own: bool, login: (&'static str, u16)) -> End {
    End { how, spares_its_own, login }
}

/// The matrix: what people and administrators can do.
const ENDS: [End; 12] = [
    end("logout", true, (PASSWORD, 200)),
    end("device", true, (PASSWORD, 200)),
    end("logout others", true, (PASSWORD, 200)),
    end("logout all", false, (PASSWORD, 200)),
    end("password change", true, (NEW, 200)),
    end("password reset", false, (NEW, 200)),
    end("disable", false, (PASSWORD, 403)),
    end("patch", false, (PASSWORD, 403)),
    end("delete", false, (PASSWORD, 401)),
    end("delete oneself", false, (PASSWORD, 403)),
    end("kick", false, (PASSWORD, 200)),
    end("blackout", false, (PASSWORD, 200)),
];

/// Who is there when sessions end.
struct Cast<'a> {
    here: &'a TestApp,
    boss: Client,
    /// Whose account it is, on the device that asks.
    own: Client,
    name: &'a str,
    id: String,
    /// The other sessions.
    others: &'a [Tokens],
}

impl Cast<'_> {
    async fn end(&self, how: &str) {
        let (boss, own, id) = (&self.boss, &self.own, &self.id);
        let log_out = |scope: &str| own.post("/api/users/logout").json(&json!({"scope": scope}));
        let answer = match how {
            "logout" => {
                for Tokens { access, .. } in self.others {
                    let client = self.here.client().with_bearer(access);
                    let _ = client.post("/api/users/logout").await.expect(200);
                }
                return;
            }
            "device" => return self.send_devices_away().await,
            "logout others" => log_out("others").await,
            "logout all" => log_out("all").await,
            "password change" => {
                let body = json!({"old_password": PASSWORD, "password1": NEW, "password2": NEW});
                own.put("/api/users/password").json(&body).await
            }
            "password reset" => self.reset().await,
            "disable" => boss.post(&format!("/api/users/{id}/blacklist")).await,
            "patch" => boss.patch(&format!("/api/v1/users/{id}")).json(&json!({"active": false})).await,
            "delete" => boss.delete(&format!("/api/v1/users/{id}")).await,
            "delete oneself" => own.post("/api/users/delete").json(&json!({"password": PASSWORD})).await,
            "kick" => boss.post(&format!("/api/users/{id}/kick")).await,
            _ => boss.post("/api/users/blackout").await,
        };
        assert!(answer.status.is_success(), "{how}: {}", answer.text());
    }

    async fn send_devices_away(&self) {
        let sessions = self.own.get("/api/users/sessions").await.json();
        let sessions = sessions.as_array().unwrap();
        assert_eq!(sessions.len(), self.others.len() + 1);
        for session in sessions.iter().filter(|session| session["current"] == Value::Bool(false)) {
            let id = session["id"].as_str().unwrap();
            let _ = self.own.delete(&format!("/api/users/sessions/{id}")).await.expect(200);
        }
    }

    async fn reset(&self) -> vestibule_testkit::Answer {
        let email = json!({"email": format!("{}@example.com", self.name)});
        let _ = self.here.client().post("/api/users/forgot_password").json(&email).await.expect(200);
        let letters = self.here.mails().await;
        let mut links = letters.iter().flat_map(|letter| &letter.links);
        let token = links.find_map(|link| link.split_once("/reset/")).unwrap().1;
        let body = json!({"password1": NEW, "password2": NEW});
        self.here.client().post(&format!("/api/users/password/{token}")).json(&body).await
    }
}

/// Every token, presented everywhere it can be.
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
        let body = json!({"refresh_token": refresh});
        for answer in [
            browser.post("/api/users/token/refresh").await,
            app.client().post("/api/users/token/refresh").json(&body).await,
            app.client().post("/api/v1/token").form(&form).await,
        ] {
            assert_eq!(answer.status, 401, "{how}");
        }
    }
}

async fn assert_alive(app: &TestApp, tokens: &Tokens, how: &str) {
    let client = app.client().with_bearer(&tokens.access);
    for answer in [client.post("/api/users/token").await, client.get("/api/v1/users/me").await] {
        assert_eq!(answer.status, 200, "{how}: {}", answer.text());
    }
}

fn cookies_of(client: &Client) -> Tokens {
    Tokens {
        access: client.cookie("access_token").unwrap(),
        refresh: client.cookie("refresh_token").unwrap(),
    }
}

async fn make_boss(app: &TestApp) {
    let boss = app.client().registered("boss").await;
    let id = boss.get("/api/v1/users/me").await.member("id");
    let id = vestibule_core::values::account::AccountId::read(&id).unwrap();
    app.store().insert_permission(id, "admin").await.unwrap().unwrap();
}

async fn t13_every_end_is_an_end_everywhere(nodes: Nodes) {
    let Nodes { here, there, .. } = &nodes;
    make_boss(here).await;
    let bystander = cookies_of(&here.client().registered("bystander").await);
    for (number, End { how, spares_its_own, login: (password, answered) }) in ENDS.into_iter().enumerate() {
        let name = format!("ada{number}");
        let ada = here.client().registered(&name).await;
        let id = ada.get("/api/v1/users/me").await.member("id");
        let others =
            [cookies_of(&ada), here.client().tokens(&name).await, there.client().tokens(&name).await];
        let own = here.client().logged_in(&name).await;
        let its_own = cookies_of(&own);
        for app in [here, there] {
            for Tokens { access, .. } in others.iter().chain([&its_own]) {
                // From now on it is in the cache of verified tokens.
                let _ = app.client().with_bearer(access).post("/api/users/token").await.expect(200);
            }
        }
        // Connections that stay open on either node.
        let mut open = Vec::new();
        for app in [here, there] {
            for Tokens { access, .. } in &others {
                open.push(app.auth().watch_access_token(access).await.unwrap());
            }
        }
        let boss = here.client().logged_in("boss").await;
        let cast = Cast { here, boss, own, name: &name, id, others: &others };
        cast.end(how).await;
        let dead: Vec<_> = others.iter().cloned().chain((!spares_its_own).then(|| its_own.clone())).collect();
        assert_dead(here, &dead, how).await;
        assert!(there.store().is_changed_elsewhere().await.unwrap(), "{how} is told");
        there.auth().catch_up().await.unwrap();
        assert_dead(there, &dead, how).await;
        for mut watch in open {
            let ended = tokio::time::timeout(PATIENCE, watch.ended()).await;
            assert!(ended.is_ok(), "{how}: a connection stays open");
        }
        for app in [here, there] {
            if spares_its_own {
                assert_alive(app, &its_own, how).await;
            }
            if how != "blackout" {
                assert_alive(app, &bystander, how).await;
            }
            let answer = app.client().log_in(&name, password).await;
            assert_eq!(answer.status.as_u16(), answered, "{how}: {}", answer.text());
        }
        assert_dead(here, &dead, how).await;
    }
    assert_dead(there, &[bystander], "blackout").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t13_every_end_is_an_end_everywhere_on_sqlite() {
    t13_every_end_is_an_end_everywhere(Nodes::on_sqlite().await).await;
}

#[cfg(all(unix, feature = "postgres"))]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t13_every_end_is_an_end_everywhere_on_postgres() {
    t13_every_end_is_an_end_everywhere(Nodes::on_postgres().await).await;
}
