//! T55, allauth 2024: no secret reaches the log, however it is turned up.

use std::{
    io,
    sync::{Arc, Mutex},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;
use tracing_subscriber::{filter::LevelFilter, fmt::format::FmtSpan};
use vestibule_testkit::{Client, TestApp, faults::Fault};

use super::{database, forging, guard::ROUTES};

const RIGHT: &str = "canary-right-S8xQ2";
const WRONG: &str = "canary-wrong-V4mZ9";
const CLIENT_SECRET: &str = "canary-client-K1wP7";

/// A log kept in memory.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// Collects what every thread of this process logs, at the finest level.
    fn collect_everything(&self) {
        let log = self.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(LevelFilter::TRACE)
            .with_span_events(FmtSpan::FULL)
            .with_ansi(false)
            .with_writer(move || log.clone())
            .finish();
        tracing::subscriber::set_global_default(subscriber).unwrap();
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

async fn drive(app: &TestApp, browser: &Client, refresh: &str) {
    for password in [RIGHT, WRONG] {
        let _ = app.client().log_in("ada", password).await;
        for path in ["/api/v1/login", "/api/v1/token"] {
            let basic = format!("Basic {}", STANDARD.encode(format!("app:{CLIENT_SECRET}")));
            let form = [("username", "ada"), ("password", password), ("client_secret", CLIENT_SECRET)];
            let _ = app.client().post(path).form(&form).await;
            let _ = app.client().post(path).form(&form).header("authorization", basic).await;
            // Somebody types the password into the wrong field.
            let _ = app.client().post(path).form(&[("username", password), ("password", password)]).await;
            let _ =
                app.client().post(path).form(&[("grant_type", password), ("refresh_token", refresh)]).await;
        }
        for body in [
            json!({"email": "b@example.com", "username": password, "password1": password, "password2": "x"}),
            json!({"email": password, "username": "bob", "password": password, "password1": [password]}),
            json!({password: password}),
        ] {
            let _ = app.client().post("/api/users/register").json(&body).await;
            let _ = app.client().post("/api/v1/users").json(&body).await;
            let _ = app.client().post("/api/users/login").body(format!("{body}}}")).await;
        }
    }
    for token in [refresh, &format!("{refresh}x")] {
        let body = json!({"refresh_token": token});
        let _ = app.client().post("/api/users/token/refresh").json(&body).await;
        let _ = app.client().with_bearer(token).get("/api/v1/users/me").await;
        let _ = app.client().get(&format!("/api/v1/users/me?token={token}")).await;
    }
    for route in ROUTES.iter().filter(|route| route.path != "/api/users/logout") {
        let _ = route.request(&browser.copy()).await;
        let _ = route.request(&browser.copy()).json(&json!({"refresh_token": refresh})).await;
        let _ = route.request(&browser.clone().with_bearer(&browser.cookie("access_token").unwrap())).await;
    }
}

#[tokio::test]
async fn t55_no_secret_reaches_the_log() {
    let log = Log::default();
    log.collect_everything();
    let app = forging::app()
        .policy(|policy| {
            policy.throttle.login_attempts = 1000;
            policy.throttle.account_failures = 1000;
        })
        .start()
        .await;
    let body = json!({"email": "ada@example.com", "username": "ada", "password1": RIGHT, "password2": RIGHT});
    let browser = app.client();
    let _ = browser.post("/api/users/register").json(&body).await.expect(200);
    let first = browser.cookie("refresh_token").unwrap();
    let mut secrets = vec![RIGHT.to_owned(), WRONG.into(), CLIENT_SECRET.into(), first.clone()];
    secrets.push(String::from_utf8(app.secret().expose().to_vec()).unwrap());
    secrets.push(STANDARD.encode(format!("app:{CLIENT_SECRET}")));
    secrets.push("MC4CAQAwBQYDK2VwBCIEINTuctv5".into());
    secrets.push(database::text(&app, "SELECT password_hash FROM account"));
    secrets.push(browser.cookie("access_token").unwrap());

    drive(&app, &browser, &first).await;
    // The used token came back: this session is dead, so that the next round is refused throughout.
    drive(&app, &browser, &first).await;
    let browser = app.client();
    let _ = browser.log_in("ada", RIGHT).await.expect(200);
    let second = browser.cookie("refresh_token").unwrap();
    secrets.extend([second.clone(), browser.cookie("access_token").unwrap()]);
    secrets.push(browser.cookie("device").unwrap());
    app.store().fail_all(Fault::Before);
    drive(&app, &browser, &second).await;
    app.store().heal();
    let _ = browser.post("/api/users/logout").await.expect(200);
    let _ = app.audit().await;

    let log = log.text();
    for expected in
        ["a request failed", "a request was refused", "a used refresh token came back", "correlation_id"]
    {
        assert!(log.contains(expected), "{expected}");
    }
    for secret in secrets {
        assert!(!log.contains(&secret), "{secret}");
        // Nor the part of a token that makes it one.
        let telling = secret.rsplit('.').next().unwrap();
        assert!(!log.contains(telling), "{telling}");
    }
    assert!(!log.contains("$argon2id$") && !log.contains("PRIVATE KEY"));
}
