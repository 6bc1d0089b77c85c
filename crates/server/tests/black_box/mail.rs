//! Mail from end to end: the real binary, a real mail server, and a reader with a real browser.

use fantoccini::{Client as Browser, Locator};
use http::{Method, StatusCode};
use rusqlite::Connection;
use serde_json::{Value, json};
use vestibule_testkit::smtp::{Conduct, Letter, SmtpServer};

use crate::{
    browser::{Driver, PATIENCE, click, type_into},
    client::{Answer, Client, PASSWORD},
    program::{Folder, Server, eventually},
};

const NEW: &str = "another horse battery staple";

fn folder_with(smtp: &SmtpServer) -> Folder {
    Folder::new()
        .with("VESTIBULE_SMTP__HOST", "localhost")
        .with("VESTIBULE_SMTP__PORT", &smtp.address().port().to_string())
        .with("VESTIBULE_SMTP__FROM", "login@example.org")
        .with("VESTIBULE_SMTP__TLS_CA_FILE", smtp.authority().to_str().unwrap())
}

/// The link of a letter, read as a mail client shows it.
fn link_of(letter: &Letter) -> String {
    let data = String::from_utf8_lossy(&letter.data).replace("=\r\n", "").replace("=3D", "=");
    let link = data.split_whitespace().find(|word| word.contains("/confirm/") || word.contains("/reset/"));
    link.unwrap_or_else(|| panic!("{data}")).to_owned()
}

/// So many letters that lead somewhere, oldest first.
async fn invitations(smtp: &SmtpServer, count: usize) -> Vec<Letter> {
    eventually("the letters come", async || {
        let letters = smtp.letters();
        let invitations: Vec<_> = letters.into_iter().filter(is_invitation).collect();
        (invitations.len() >= count).then_some(invitations)
    })
    .await
}

fn is_invitation(letter: &Letter) -> bool {
    let data = String::from_utf8_lossy(&letter.data).replace("=\r\n", "");
    data.contains("/confirm/") || data.contains("/reset/")
}

async fn is_confirmed(client: Client) -> bool {
    let access = client.log_in("ada", PASSWORD).await.member("access_token");
    client.get_as("/api/users/confirm", &access).await.json()["confirmed"].as_bool().unwrap()
}

async fn heading(browser: &Browser, text: &str) {
    let heading = format!("//h1[text()='{text}']");
    let found = browser.wait().at_most(PATIENCE).for_element(Locator::XPath(&heading)).await;
    assert!(found.is_ok(), "{}", browser.source().await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_confirms_and_resets_in_the_browser() {
    let smtp = SmtpServer::start();
    let folder = folder_with(&smtp);
    let server = folder.serve();
    let client = server.client();
    assert_eq!(client.register("ada").await.status, StatusCode::CREATED);
    let letter = invitations(&smtp, 1).await.remove(0);
    assert_eq!(letter.to, ["ada@people.example"]);
    assert!(letter.is_encrypted);

    let driver = Driver::start();
    let browser = driver.browser(folder.path("profile").to_str().unwrap()).await;
    browser.goto(&link_of(&letter)).await.unwrap();
    heading(&browser, "Confirm your e-mail address").await;
    assert!(!is_confirmed(client).await, "opening the link changes nothing");
    click(&browser, "button").await.unwrap();
    heading(&browser, "Your e-mail address is confirmed").await;
    assert!(is_confirmed(client).await);

    let forgot = client.post("/api/users/forgot_password", &json!({"email": "ada@people.example"})).await;
    assert_eq!(forgot.status, StatusCode::OK);
    let letter = invitations(&smtp, 2).await.remove(1);
    browser.goto(&link_of(&letter)).await.unwrap();
    heading(&browser, "Choose a new password").await;
    fill_in(&browser, NEW, "something else").await;
    heading(&browser, "Choose a new password").await;
    let wrong =
        browser.wait().at_most(PATIENCE).for_element(Locator::Css("#password2-wrong-1")).await.unwrap();
    assert_eq!(wrong.text().await.unwrap(), "The two passwords are not the same.");
    fill_in(&browser, NEW, NEW).await;
    heading(&browser, "Your password is set").await;
    browser.close().await.unwrap();
    assert_eq!(client.log_in("ada", PASSWORD).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(client.log_in("ada", NEW).await.status, StatusCode::OK);
}

async fn fill_in(browser: &Browser, first: &str, second: &str) {
    type_into(browser, "#password1", first).await.unwrap();
    type_into(browser, "#password2", second).await.unwrap();
    click(browser, "button").await.unwrap();
}

/// Turned away again and again, or once (greylisting): requests are answered as ever, and each letter goes once.
#[tokio::test(flavor = "multi_thread")]
async fn a_mail_server_that_is_away_holds_nobody_up() {
    tokio::join!(letters_wait_for(Conduct::RefuseClient), letters_wait_for(Conduct::Greylist));
}

async fn letters_wait_for(conduct: Conduct) {
    let smtp = SmtpServer::start();
    smtp.set(conduct);
    let folder = folder_with(&smtp);
    let server = folder.serve();
    assert_eq!(server.client().register("ada").await.status, StatusCode::CREATED);
    eventually("it is put off", async || folder.log().contains("put off").then_some(())).await;
    assert!(smtp.letters().is_empty());
    let forgot = json!({"email": "ada@people.example"});
    let answer = server.client().post("/api/users/forgot_password", &forgot).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    if conduct != Conduct::Greylist {
        smtp.set(Conduct::Accept);
    }
    let letters = invitations(&smtp, 2).await;
    assert!(letters.iter().all(|letter| letter.to == ["ada@people.example"]));
    assert_eq!(server.stop().await.code(), Some(0));
    assert_eq!(smtp.letters().len(), 2, "each once");
}

/// Killed in the middle of a delivery, with the letter handed over and not acknowledged: it goes again, and no more.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_committed_is_sent_after_kill_9() {
    let smtp = SmtpServer::start();
    smtp.set(Conduct::Slow(std::time::Duration::from_mins(10)));
    let folder = folder_with(&smtp);
    let server = folder.serve();
    assert_eq!(server.client().register("ada").await.status, StatusCode::CREATED);
    eventually("a delivery begins", async || (smtp.connections() > 0).then_some(())).await;
    server.kill();
    assert!(smtp.letters().is_empty());
    smtp.set(Conduct::Accept);
    lease_ends(&folder);
    let server = folder.serve();
    let letters = invitations(&smtp, 1).await;
    assert_eq!(letters[0].to, ["ada@people.example"]);
    let link = link_of(&letters[0]);
    let path = link.split_once(&server.address.ip().to_string()).and_then(|(_, rest)| rest.split_once('/'));
    let path = format!("/{}", path.unwrap().1);
    let answer = server.client().try_send(Method::POST, &path, &[], String::new()).await.unwrap();
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    nothing_waits(&folder).await;
    assert!(smtp.letters().len() <= 2, "at most twice");
    assert_eq!(server.stop().await.code(), Some(0));
}

/// What a dead process had begun is free for others after minutes; here they have passed.
fn lease_ends(folder: &Folder) {
    let database = Connection::open(folder.database()).unwrap();
    assert_eq!(database.execute("UPDATE errand SET due_at = created_at", []).unwrap(), 1, "it was committed");
}

async fn nothing_waits(folder: &Folder) {
    let count = "SELECT count(*) FROM errand";
    eventually("nothing waits", async || {
        let database = Connection::open(folder.database()).unwrap();
        let waiting: i64 = database.query_row(count, [], |row| row.get(0)).unwrap();
        (waiting == 0).then_some(())
    })
    .await;
}

async fn inbox(server: &Server) -> Answer {
    let headers = [("accept", "application/json")];
    server.client().try_send(Method::GET, "/dev/mail", &headers, String::new()).await.unwrap()
}

async fn inbox_of(server: &Server, count: usize) -> Vec<Value> {
    eventually("the letters come", async || {
        let letters = inbox(server).await.json().as_array().unwrap().clone();
        (letters.len() == count).then_some(letters)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_development_inbox_shows_letters() {
    let folder = Folder::new();
    let server = folder.serve();
    assert!(
        server.banner.contains(&format!("mail       http://{}/dev/mail", server.address)),
        "{}",
        server.banner
    );
    assert_eq!(inbox(&server).await.json(), json!([]));
    assert!(server.client().get("/dev/mail").await.text.contains("No letters yet"));
    assert_eq!(server.client().register("ada").await.status, StatusCode::CREATED);
    let _ = inbox_of(&server, 1).await;
    assert_eq!(server.client().register("bob").await.status, StatusCode::CREATED);
    let letters = inbox_of(&server, 2).await;
    let to: Vec<_> = letters.iter().map(|letter| letter["to"].as_str().unwrap()).collect();
    assert_eq!(to, ["ada@people.example", "bob@people.example"], "oldest first");
    let mut members: Vec<_> = letters[0].as_object().unwrap().keys().map(String::as_str).collect();
    members.sort_unstable();
    assert_eq!(members, ["code", "html", "links", "subject", "text", "to"]);
    let link = letters[1]["links"][0].as_str().unwrap();
    assert!(link.starts_with(&format!("http://{}/confirm/", server.address)), "{link}");
    let page = server.client().get("/dev/mail").await.text;
    assert!(page.contains(&format!("<a href=\"{link}\"")), "{page}");
    assert!(page.contains(letters[1]["code"].as_str().unwrap()), "{page}");
    assert!(page.find("bob@").unwrap() < page.find("ada@").unwrap(), "newest first");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_but_a_developer_reads_letters() {
    let smtp = SmtpServer::start();
    let hidden = async |folder: Folder| {
        let server = folder.serve();
        assert!(!server.banner.contains("/dev/mail"), "{}", server.banner);
        let answer = inbox(&server).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{answer:?}");
    };
    hidden(folder_with(&smtp)).await;
    hidden(folder_with(&smtp).with("VESTIBULE_PUBLIC_URL", "https://login.example.org")).await;
    let off = Folder::new().with("VESTIBULE_PUBLIC_URL", "https://login.example.org");
    hidden(off.with("VESTIBULE_MAIL__MODE", "off")).await;
    let server = Folder::new().serve();
    let proxied = [("accept", "application/json"), ("x-forwarded-for", "127.0.0.1")];
    let answer = server.client().try_send(Method::GET, "/dev/mail", &proxied, String::new()).await.unwrap();
    assert_eq!(answer.status, StatusCode::NOT_FOUND, "{answer:?}");
}
