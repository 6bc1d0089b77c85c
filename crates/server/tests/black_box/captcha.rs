//! Captchas from end to end: the real binary, and a provider on this machine.

use http::StatusCode;
use serde_json::{Value, json};
use vestibule_testkit::siteverify::{Mood, SiteVerify};

use crate::{
    client::{Answer, Client, PASSWORD},
    program::Folder,
};

const PROVIDERS: [&str; 4] = ["recaptcha_v2", "recaptcha_v3", "hcaptcha", "turnstile"];

fn keyed(site: &SiteVerify, provider: &str) -> Folder {
    let folder = Folder::new();
    folder.write("captcha-secret", "hunter2\n");
    let secret = folder.path("captcha-secret").display().to_string();
    folder
        .with("VESTIBULE_CAPTCHA__PROVIDER", provider)
        .with("VESTIBULE_CAPTCHA__SITE_KEY", "public")
        .with("VESTIBULE_CAPTCHA__SECRET_FILE", &secret)
        .with("VESTIBULE_CAPTCHA__VERIFY_URL", &site.url())
}

async fn register(client: Client, name: &str, captcha: Value) -> Answer {
    let body = json!({ "email": format!("{name}@people.example"), "password": PASSWORD, "captcha": captcha });
    client.post("/api/v1/users", &body).await
}

async fn log_in(client: Client, password: &str, captcha: &str) -> Answer {
    let body = json!({ "login": "ada@people.example", "password": password, "captcha": captcha });
    client.post("/api/users/login", &body).await
}

#[tokio::test]
async fn every_provider_lets_people_register_and_log_in() {
    for provider in PROVIDERS {
        let site = SiteVerify::start();
        let server = keyed(&site, provider).serve();
        let shown = server.client().get("/api/users/captcha").await.json();
        assert_eq!(shown, json!({ "provider": provider, "site_key": "public" }));
        let refused = register(server.client(), "ada", json!("bad")).await;
        assert_eq!(
            (refused.status, refused.json()["captcha"].clone()),
            (StatusCode::BAD_REQUEST, shown),
            "{provider}"
        );
        assert_eq!(register(server.client(), "ada", json!("good")).await.status, StatusCode::CREATED);
        let questions = site.take_questions();
        // The line's end is no part of the secret.
        assert!(questions.iter().all(|question| question[0] == ("secret".into(), "hunter2".into())));
        site.solved_for("login");
        for _ in 0..3 {
            assert_eq!(log_in(server.client(), "wrong", "").await.status, StatusCode::UNAUTHORIZED);
        }
        let asked = log_in(server.client(), PASSWORD, "").await;
        assert_eq!((asked.status, asked.member("code")), (StatusCode::BAD_REQUEST, "captcha_failed".into()));
        assert_eq!(log_in(server.client(), PASSWORD, "solved").await.status, StatusCode::OK, "{provider}");
        assert_eq!(log_in(server.client(), PASSWORD, "solved").await.status, StatusCode::BAD_REQUEST, "once");
    }
}

#[tokio::test]
async fn a_provider_that_never_answers_holds_nobody_up_for_long() {
    let site = SiteVerify::start();
    site.set(Mood::Silent);
    for (on_outage, status) in [("refuse", StatusCode::SERVICE_UNAVAILABLE), ("allow", StatusCode::CREATED)] {
        let folder = keyed(&site, "turnstile").with("VESTIBULE_CAPTCHA__ON_OUTAGE", on_outage);
        let server = folder.with("VESTIBULE_CAPTCHA__TIMEOUT", "200ms").serve();
        let answer = register(server.client(), "ada", json!("token")).await;
        assert_eq!(answer.status, status);
        if status.is_server_error() {
            assert_eq!(answer.member("code"), "captcha_unavailable");
            assert!(answer.headers.contains_key("retry-after"));
        }
    }
}
