//! The pages that mailed links open (SPEC §1.4).

use http::Method;
use serde_json::json;
use vestibule_testkit::{Answer, Client, PASSWORD, TestApp, faults::Fault};

use super::confirmation::{only_letter, token_of};

const NEW: &str = "another horse battery staple";

/// What every page of a mailed link says of itself.
#[track_caller]
fn expect_page(answer: Answer, status: u16, heading: &str) -> String {
    let answer = answer.expect(status);
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
    assert_eq!(answer.header("x-robots-tag"), Some("noindex, nofollow"));
    let policy = answer.header("content-security-policy").unwrap();
    for directive in
        ["default-src 'none'", "style-src 'self'", "form-action 'self'", "frame-ancestors 'none'"]
    {
        assert!(policy.contains(directive), "{policy}");
    }
    assert!(!policy.contains("unsafe") && !policy.contains("script"), "{policy}");
    let cookies: Vec<_> = answer.cookies().iter().map(|cookie| cookie.name.clone()).collect();
    // None but the one by which whoever has chosen a password is known.
    let expected: &[&str] = if heading == "Your password is set" { &["device"] } else { &[] };
    assert_eq!(cookies, expected);
    let text = answer.text();
    assert!(text.contains(&format!("<h1>{heading}</h1>")), "{text}");
    assert!(!text.contains("<script") && !text.contains("style=\""), "{text}");
    text
}

async fn reset(client: &Client, path: &str, password1: &str, password2: &str) -> Answer {
    client.post(path).form(&[("password1", password1), ("password2", password2)]).await
}

async fn app_with_letter() -> (TestApp, Client, String) {
    let app = TestApp::start().await;
    let ada = app.client().registered("ada").await;
    let path = format!("/confirm/{}", token_of(&only_letter(&app).await));
    (app, ada, path)
}

async fn reset_path(app: &TestApp) -> String {
    let body = json!({"email": "ada@example.com"});
    let _ = app.client().post("/api/users/forgot_password").json(&body).await.expect(200);
    format!("/reset/{}", token_of(&only_letter(app).await))
}

#[tokio::test]
async fn looking_at_a_link_asks_nothing_and_its_button_confirms() {
    let (app, ada, path) = app_with_letter().await;
    let reader = app.client();
    let _ = app.store().take_calls();
    app.store().fail_all(Fault::Before);
    for path in [path.as_str(), "/confirm/x", "/confirm/%ff", &format!("/reset/{}", "A".repeat(43))] {
        let page = reader.get(path).await.expect(200).text();
        assert!(page.contains("<form method=\"post\">"), "{page}");
        assert!(!page.contains("confirm/"), "the token stands in the address alone");
        let head = reader.request(Method::HEAD, path).await.expect(200);
        assert!(head.text().is_empty());
    }
    app.store().heal();
    assert_eq!(app.store().take_calls(), [""; 0], "looking asks the store nothing");
    assert_eq!(ada.get("/api/users/confirm").await.json()["confirmed"], false);

    let _ = expect_page(reader.get(&path).await, 200, "Confirm your e-mail address");
    // Mail clients and browsers that hide the referrer send `Origin: null`.
    let answer = reader.post(&path).header("origin", "null").await;
    let _ = expect_page(answer, 200, "Your e-mail address is confirmed");
    assert_eq!(ada.get("/api/users/confirm").await.json()["confirmed"], true);
    let again = expect_page(reader.post(&path).await, 403, "This link does not work any more");
    assert!(again.contains("<title>Error: This link"), "{again}");
    for path in ["/confirm/x", "/confirm/%ff"] {
        let _ = expect_page(reader.post(path).await, 403, "This link does not work any more");
    }
}

#[tokio::test]
async fn a_password_is_reset_by_its_page() {
    let (app, ada, _) = app_with_letter().await;
    let path = reset_path(&app).await;
    let reader = app.client();
    let page = expect_page(reader.get(&path).await, 200, "Choose a new password");
    assert_eq!(page.matches("autocomplete=\"new-password\"").count(), 2);
    assert!(page.contains("At least 8 characters") && !page.contains("aria-invalid"), "{page}");
    for (first, second, told, field) in [
        ("password1", "password1", "Too many people use this password", "password1"),
        ("short", "short", "between 8 and 256 characters", "password1"),
        ("ada@example.com 1", "ada@example.com 1", "contains your name", "password1"),
        (NEW, "another", "are not the same", "password2"),
    ] {
        let page = expect_page(reset(&reader, &path, first, second).await, 400, "Choose a new password");
        assert!(page.contains(told) && page.contains("The link still works"), "{page}");
        assert!(page.contains(&format!("id=\"{field}-wrong-1\"")), "{page}");
        let input = page.split(&format!("id=\"{field}\"")).nth(1).unwrap().split('>').next().unwrap();
        assert!(input.contains("aria-invalid=\"true\" autofocus"), "{input}");
        assert!(!page.contains("value="), "what was typed does not come back: {page}");
    }
    let _ = expect_page(reset(&reader, &path, NEW, NEW).await, 200, "Your password is set");
    assert_eq!(ada.get("/api/v1/users/me").await.status, 401, "every session ends");
    let _ = app.client().log_in("ada", PASSWORD).await.expect_problem(401, "invalid_credentials");
    let _ = app.client().log_in("ada", NEW).await.expect(200);
    let again = reset(&reader, &path, NEW, NEW).await;
    let _ = expect_page(again, 404, "This link does not work any more");
}

#[tokio::test]
async fn failures_are_pages_and_the_form_can_be_sent_again() {
    let (app, _, confirm) = app_with_letter().await;
    let path = reset_path(&app).await;
    let reader = app.client();
    app.store().fail_all(Fault::Before);
    for (answer, heading) in [
        (reader.post(&confirm).await, "Confirm your e-mail address"),
        (reset(&reader, &path, NEW, NEW).await, "Choose a new password"),
    ] {
        assert_eq!(answer.header("retry-after"), Some("1"));
        let page = expect_page(answer, 503, heading);
        assert!(page.contains("role=\"alert\">The server is busy") && page.contains("<form"), "{page}");
    }
    app.store().heal();
    for (answer, status) in [
        (reader.post(&path).form(&[("password1", NEW)]).await, 422),
        (reset(&reader, &path, "", "").await, 422),
        (reader.post(&path).json(&json!({"password1": NEW, "password2": NEW})).await, 415),
        (
            reader
                .post(&path)
                .header("content-type", "application/x-www-form-urlencoded")
                .body("a=%ff")
                .await,
            400,
        ),
    ] {
        let page = expect_page(answer, status, "Choose a new password");
        assert!(page.contains("could not be read") && page.contains("<form"), "{page}");
    }
    let _ = expect_page(reset(&reader, &path, NEW, NEW).await, 200, "Your password is set");
    for method in [Method::PUT, Method::DELETE, Method::PATCH] {
        let _ = reader.request(method, &path).await.expect_problem(405, "method_not_allowed");
    }
}

#[tokio::test]
async fn pages_speak_the_readers_language() {
    let (app, _, path) = app_with_letter().await;
    let reset_path = reset_path(&app).await;
    for (accepted, tag, heading, told) in [
        ("it, *", "en", "Confirm your e-mail address", "needs between 8"),
        ("de-AT,en;q=0.5", "de", "E-Mail-Adresse bestätigen", "braucht zwischen 8"),
        ("fr", "fr", "Confirmer votre adresse e-mail", "entre 8 et 256"),
        ("es-MX", "es", "Confirmar su dirección de correo", "debe tener entre 8"),
    ] {
        let answer = app.client().get(&path).header("accept-language", accepted).await;
        assert_eq!(answer.header("content-language"), Some(tag));
        assert!(expect_page(answer, 200, heading).contains(&format!("<html lang=\"{tag}\">")));
        let form = app.client().post(&reset_path).header("accept-language", accepted);
        let answer = form.form(&[("password1", "short"), ("password2", "short")]).await.expect(400);
        assert!(answer.text().contains(told), "{}", answer.text());
    }
}

#[tokio::test]
async fn the_style_comes_from_here() {
    let app = TestApp::start().await;
    let page = app.client().get("/confirm/x").await.text();
    assert!(page.contains("<link rel=\"stylesheet\" href=\"../pages/style.css\">"), "{page}");
    let style = app.client().get("/pages/style.css").await.expect(200);
    assert_eq!(style.header("content-type"), Some("text/css; charset=utf-8"));
    assert!(style.text().contains("prefers-color-scheme: dark") && !style.text().contains("url("));
}

/// Browsers carry cookies to the pages; nothing comes of them.
#[tokio::test]
async fn no_cookie_matters_to_a_page() {
    let (app, ada, path) = app_with_letter().await;
    let eve = app.client().registered("eve").await;
    let _ = only_letter(&app).await;
    let _ = expect_page(eve.post(&path).await, 200, "Your e-mail address is confirmed");
    assert_eq!(ada.get("/api/users/confirm").await.json()["confirmed"], true);
    assert_eq!(eve.get("/api/users/confirm").await.json()["confirmed"], false);
}
