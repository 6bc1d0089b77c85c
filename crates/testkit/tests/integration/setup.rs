//! The page that makes the first administrator (SPEC §8).

use std::time::Duration;

use http::Method;
use vestibule_core::setup::SETUP_TTL;
use vestibule_testkit::{Answer, Client, PASSWORD, TestApp, faults::Fault};

use super::database;

const FORM: [(&str, &str); 4] =
    [("email", "boss@example.com"), ("username", "root"), ("password1", PASSWORD), ("password2", PASSWORD)];

/// The path of a new link.
async fn issue(app: &TestApp) -> String {
    let link = app.auth().issue_setup_link().await.unwrap().unwrap();
    link.url.strip_prefix("http://localhost:8000").unwrap_or_else(|| panic!("{}", link.url)).to_owned()
}

async fn started() -> (TestApp, String) {
    let app = TestApp::builder_at("http://localhost:8000").start().await;
    let path = issue(&app).await;
    (app, path)
}

async fn send(client: &Client, path: &str, form: &[(&str, &str)]) -> Answer {
    client.post(path).form(form).await
}

/// The form with another value in one field.
fn with(field: &str, value: &'static str) -> Vec<(&'static str, &'static str)> {
    FORM.iter().map(|&(name, old)| (name, if name == field { value } else { old })).collect()
}

#[track_caller]
fn expect_page(answer: Answer, status: u16, heading: &str) -> String {
    let answer = answer.expect(status);
    assert_eq!(answer.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
    assert!(answer.header("content-security-policy").unwrap().contains("form-action 'self'"));
    assert!(answer.cookies().is_empty());
    let text = answer.text();
    assert!(text.contains(&format!("<h1>{heading}</h1>")), "{text}");
    assert!(!text.contains("<script") && !text.contains(PASSWORD) && !text.contains("/setup/"), "{text}");
    text
}

const TITLE: &str = "Set up this server";
const DEAD: &str = "This link does not work any more";

#[tokio::test]
async fn looking_changes_nothing_and_the_form_makes_the_first_administrator() {
    let (app, path) = started().await;
    let operator = app.client();
    let _ = app.store().take_calls();
    let page = expect_page(operator.get(&path).await, 200, TITLE);
    assert_eq!(page.matches(" required").count(), 4, "{page}");
    assert!(operator.request(Method::HEAD, &path).await.expect(200).text().is_empty());
    assert_eq!(app.store().take_calls(), ["is_setup_link_good"; 2]);
    assert_eq!(database::count(&app, "SELECT COUNT(*) FROM account"), 0);

    let done = expect_page(send(&operator, &path, &FORM).await, 200, "The server is set up");
    assert!(done.contains("href=\"../docs/\""), "{done}");
    let boss = app.client().logged_in("root").await;
    let account = boss.get("/api/v1/users/me").await.json();
    assert_eq!(account["confirmed"], true);
    assert_eq!(account["permissions"], serde_json::json!(["admin"]));
    let _ = boss.get("/api/users/blacklist").await.expect(200);
    let promotion = app.audit().await.into_iter().find(|event| event.kind == "promote").unwrap();
    assert_eq!((promotion.detail.as_str(), promotion.address.is_empty()), ("setup", false));

    let _ = expect_page(operator.get(&path).await, 404, DEAD);
    let _ = expect_page(send(&operator, &path, &with("username", "eve")).await, 404, DEAD);
    assert!(app.auth().issue_setup_link().await.unwrap().is_none());
    assert_eq!(database::count(&app, "SELECT COUNT(*) FROM account"), 1);
}

/// T20: the one who comes first.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t20_many_posts_at_once_make_one_administrator() {
    let (app, path) = started().await;
    let names: Vec<_> = (0..16).map(|number| format!("boss{number}")).collect();
    let posts = names.iter().map(|name| {
        let (client, path, email) = (app.client(), path.clone(), format!("{name}@example.com"));
        let name = name.clone();
        tokio::spawn(async move {
            let form = [
                ("email", email.as_str()),
                ("username", &name),
                ("password1", PASSWORD),
                ("password2", PASSWORD),
            ];
            send(&client, &path, &form).await.status.as_u16()
        })
    });
    let mut statuses = Vec::new();
    for post in posts.collect::<Vec<_>>() {
        statuses.push(post.await.unwrap());
    }
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| [200, 404].contains(status)), "{statuses:?}");
    assert_eq!(database::count(&app, "SELECT COUNT(*) FROM account"), 1);
}

/// T15: when it is redeemed, not when something is cleaned up.
#[tokio::test]
async fn t15_a_setup_link_ends_with_its_hour_and_with_its_successor() {
    let (app, old) = started().await;
    let path = issue(&app).await;
    let _ = expect_page(app.client().get(&old).await, 404, DEAD);
    let _ = expect_page(send(&app.client(), &old, &FORM).await, 404, DEAD);
    app.clock().advance(SETUP_TTL.checked_sub(Duration::from_millis(1)).unwrap());
    let _ = expect_page(app.client().get(&path).await, 200, TITLE);
    app.clock().advance(Duration::from_millis(1));
    let told = expect_page(app.client().get(&path).await, 404, DEAD);
    assert!(told.contains("vestibule admin create"), "{told}");
    let _ = expect_page(send(&app.client(), &path, &FORM).await, 404, DEAD);
    assert_eq!(database::count(&app, "SELECT COUNT(*) FROM account"), 0);
    let _ = expect_page(send(&app.client(), &issue(&app).await, &FORM).await, 200, "The server is set up");
}

#[tokio::test]
async fn an_administrator_made_elsewhere_ends_the_link() {
    let (app, path) = started().await;
    let _ = app.client().registered("ada").await;
    let _ = expect_page(app.client().get(&path).await, 200, TITLE);
    database::promote(&app, "ada");
    let _ = expect_page(app.client().get(&path).await, 404, DEAD);
    let _ = expect_page(send(&app.client(), &path, &FORM).await, 404, DEAD);
}

#[tokio::test]
async fn what_is_wrong_stands_beside_its_field_and_only_passwords_are_typed_again() {
    let (app, path) = started().await;
    let _ = app.client().registered("ada").await;
    for (form, told, field) in [
        (with("email", "nonsense"), "not a valid e-mail address", "email"),
        (with("email", ""), "not a valid e-mail address", "email"),
        (with("email", "ada@example.com"), "This address belongs to an account", "email"),
        (with("username", "ab"), "between 3 and 20", "username"),
        (with("username", "\"><b>x"), "has other characters", "username"),
        (with("username", "ADA"), "This user name belongs to an account", "username"),
        (with("password1", "short"), "between 8 and 256", "password1"),
        (with("password1", "boss@example.com 1"), "contains your name", "password1"),
        (with("password2", "something else"), "are not the same", "password2"),
    ] {
        let page = expect_page(send(&app.client(), &path, &form).await, 400, TITLE);
        assert!(page.contains(told) && page.contains("The link still works"), "{page}");
        assert!(page.contains("<title>Error: "), "{page}");
        let input = |name: &str| {
            let rest = page.split(&format!("<input id=\"{name}\"")).nth(1).unwrap();
            rest.split('>').next().unwrap().to_owned()
        };
        assert!(input(field).ends_with("aria-invalid=\"true\" autofocus"), "{}", input(field));
        assert!(input(field).contains(&format!("{field}-wrong-1")), "{}", input(field));
        for (name, typed) in &form[..2] {
            let escaped = typed.replace('"', "&quot;").replace('<', "&lt;").replace('>', "&gt;");
            let is_there = typed.is_empty() || page.contains(&format!("value=\"{escaped}\""));
            assert!(is_there, "{name}: {page}");
        }
        assert!(!input("password1").contains("value") && !input("password2").contains("value"), "{page}");
    }
    let page = send(&app.client(), &path, &[("email", "x"), ("username", "y")]).await;
    let page = expect_page(page, 422, TITLE);
    assert!(page.contains("value=\"x\"") && page.contains("value=\"y\""), "{page}");
    let both = [("email", "x"), ("username", "y"), ("password1", "short"), ("password2", "other")];
    let page = expect_page(send(&app.client(), &path, &both).await, 400, TITLE);
    assert_eq!(page.matches("class=\"wrong\"").count(), 4, "everything at once: {page}");
    assert_eq!(page.matches("autofocus").count(), 1, "{page}");
    let _ = expect_page(send(&app.client(), &path, &FORM).await, 200, "The server is set up");
}

#[tokio::test]
async fn guesses_at_the_link_count_like_logins_and_mistakes_in_the_form_do_not() {
    let app = TestApp::builder_at("http://localhost:8000")
        .policy(|policy| policy.throttle.login_attempts = 3)
        .start()
        .await;
    let path = issue(&app).await;
    for _ in 0..5 {
        let answer = send(&app.client(), &path, &with("email", "nonsense")).await;
        let _ = expect_page(answer, 400, TITLE);
    }
    let guess = format!("/setup/{}", "A".repeat(43));
    let hashed = app.hasher().hashed();
    for wrong in [guess.as_str(), "/setup/x", "/setup/%ff"] {
        let _ = expect_page(send(&app.client(), wrong, &FORM).await, 404, DEAD);
    }
    assert_eq!(app.hasher().hashed(), hashed, "a guess costs no hash");
    let limited = send(&app.client(), &path, &FORM).await;
    assert_eq!(limited.header("retry-after"), Some("60"));
    let page = expect_page(limited, 429, TITLE);
    assert!(page.contains("try again in 1 min") && page.contains("value=\"root\""), "{page}");
    let _ = app.client().log_in("ada", "a wrong password").await.expect(429);
    app.clock().advance(Duration::from_mins(1));
    let _ = expect_page(send(&app.client(), &path, &FORM).await, 200, "The server is set up");
}

#[tokio::test]
async fn a_foreign_page_cannot_send_the_form() {
    let (app, path) = started().await;
    for (name, value) in [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")] {
        let post = app.client().post(&path).without("origin").header(name, value).form(&FORM);
        let _ = expect_page(post.await, 403, TITLE);
    }
    assert_eq!(database::count(&app, "SELECT COUNT(*) FROM account"), 0);
    // As the page's own form says it: over plain http a browser adds nothing.
    let own = app.client().post(&path).header("origin", "null");
    let _ = expect_page(own.form(&FORM).await, 200, "The server is set up");
}

#[tokio::test]
async fn t58_an_outage_makes_nobody_and_leaves_the_link_good() {
    let (app, path) = started().await;
    app.store().fail("is_setup_link_good", Fault::Before);
    let _ = expect_page(app.client().get(&path).await, 503, TITLE);
    let page = expect_page(send(&app.client(), &path, &FORM).await, 503, TITLE);
    assert!(page.contains("The server is busy") && page.contains("value=\"root\""), "{page}");
    app.store().heal();
    app.store().fail("insert_first_admin", Fault::Before);
    let _ = expect_page(send(&app.client(), &path, &FORM).await, 503, TITLE);
    app.store().heal();
    let _ = expect_page(send(&app.client(), &path, &FORM).await, 200, "The server is set up");
}

#[tokio::test]
async fn the_page_speaks_the_operators_language() {
    let (app, path) = started().await;
    for (accepted, tag, heading, told, dead) in [
        ("de", "de", "Diesen Server einrichten", "Das ist keine gültige", "Dieser Link gilt nicht mehr"),
        ("fr", "fr", "Configurer ce serveur", "Ce n’est pas une adresse", "Ce lien n’est plus valable"),
        ("es", "es", "Configurar este servidor", "No es una dirección", "Este enlace ya no es válido"),
    ] {
        let get = |path: &str| app.client().get(path).header("accept-language", accepted);
        assert!(expect_page(get(&path).await, 200, heading).contains(&format!("<html lang=\"{tag}\">")));
        let post = app.client().post(&path).header("accept-language", accepted);
        let page = expect_page(post.form(&with("email", "x")).await, 400, heading);
        assert!(page.contains(told) && !page.contains('{'), "{page}");
        let _ = expect_page(get("/setup/x").await, 404, dead);
    }
}

/// The database keeps nothing that opens the page.
#[tokio::test]
async fn t55_the_token_is_kept_nowhere() {
    let (app, path) = started().await;
    let token = path.strip_prefix("/setup/").unwrap();
    assert_eq!(token.len(), 43, "256 bits");
    assert_eq!(database::count(&app, "SELECT length(digest) FROM setup_link"), 32);
    for file in std::fs::read_dir(app.folder()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(token.len()).any(|window| window == token.as_bytes()));
    }
}
