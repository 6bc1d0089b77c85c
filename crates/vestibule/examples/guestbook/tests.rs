//! What an application tests of itself: who may do what, what happens as time passes, what people are written.

use std::time::Duration;

use serde_json::json;
use vestibule_testing::{PASSWORD, TestApp};

use super::{app, configured};

async fn guestbook() -> TestApp {
    TestApp::builder().configure(configured).start(|vestibule| app(&vestibule)).await
}

#[tokio::test]
async fn who_is_logged_in_writes_and_everybody_reads() {
    let guestbook = guestbook().await;
    let stranger = guestbook.anonymous();
    stranger.post("/entries").body("hello").await.assert_problem(401, "not_authenticated");
    guestbook.logged_in("ada").await.post("/entries").body("What a nice place").await.assert_status(201);
    guestbook.user("bob").bearer().await.post("/entries").body("Indeed").await.assert_status(201);
    stranger.get("/entries").await.assert_json(&json!(["ada: What a nice place", "bob: Indeed"]));
}

#[tokio::test]
async fn administrators_empty_it_and_nobody_else() {
    let guestbook = guestbook().await;
    let ada = guestbook.logged_in("ada").await;
    ada.post("/entries").body("Buy cheap pills").await.assert_status(201);
    ada.delete("/entries").await.assert_problem(403, "forbidden");
    guestbook.admin().await.delete("/entries").await.assert_status(204);
    ada.get("/entries").await.assert_json(&json!([]));
}

#[tokio::test]
async fn an_address_is_confirmed_before_anything_is_written() {
    let guestbook = guestbook().await;
    let ada = guestbook.user("ada").unconfirmed().logged_in().await;
    ada.post("/entries").body("Hello").await.assert_status(403).assert_contains("confirm your address");

    let letter = guestbook.outbox().await_letter_to("ada@example.com").await;
    assert!(letter.link().starts_with("http://127.0.0.1:3000/auth/confirm/"), "{}", letter.link());
    let code = json!({"email": "ada@example.com", "code": letter.code()});
    ada.post("/auth/api/users/confirm_code").json(&code).await.assert_status(200);
    ada.post("/entries").body("Hello").await.assert_status(201);
}

#[tokio::test]
async fn another_site_writes_nothing_in_somebodys_name() {
    let guestbook = guestbook().await;
    let ada = guestbook.logged_in("ada").await;
    let forged = ada.post("/entries").header("origin", "https://evil.example").body("I love evil.example");
    forged.await.assert_problem(403, "cross_site_request");
    ada.get("/entries").await.assert_json(&json!([]));
}

#[tokio::test]
async fn a_page_refreshes_for_a_month_and_then_asks_for_the_password() {
    let guestbook = guestbook().await;
    let ada = guestbook.logged_in("ada").await;
    guestbook.clock().advance(Duration::from_mins(16));
    ada.post("/entries").body("Hello").await.assert_problem(401, "invalid_token");
    ada.refresh().await.assert_status(200);
    ada.post("/entries").body("Hello").await.assert_status(201);
    guestbook.clock().advance(Duration::from_hours(31 * 24));
    ada.refresh().await.assert_status(401);
    ada.log_in("ada", PASSWORD).await.assert_status(200);
    ada.post("/entries").body("Hello again").await.assert_status(201);
}
