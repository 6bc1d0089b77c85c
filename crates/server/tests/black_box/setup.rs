//! The first start: the URL that is printed, its page in a real browser, and what a restart does to both.

use fantoccini::{Client as Browser, Locator};
use http::{Method, StatusCode};
use serde_json::Value;
use vestibule_testkit::servers::PostgresServer;

use crate::{
    browser::{Driver, PATIENCE, click, type_into},
    client::{Answer, Client, PASSWORD},
    postgres::node,
    program::{Folder, Server, eventually},
};

fn setup_url(server: &Server) -> Option<String> {
    let line = server.banner.lines().find_map(|line| line.trim().strip_prefix("setup      "));
    line.map(str::to_owned)
}

/// The path of the printed URL.
fn setup_path(server: &Server) -> String {
    let url = setup_url(server).unwrap_or_else(|| panic!("{}", server.banner));
    let path = url.find("/setup/").and_then(|at| url.get(at..));
    path.unwrap_or_else(|| panic!("{url}")).to_owned()
}

async fn send(client: Client, path: &str, name: &str) -> Answer {
    let password = PASSWORD.replace(' ', "+");
    let form =
        format!("email={name}%40people.example&username={name}&password1={password}&password2={password}");
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    client.try_send(Method::POST, path, &headers, form).await.unwrap()
}

async fn may_administrate(client: Client, name: &str) -> bool {
    let access = client.tokens(name).await.access;
    client.get_as("/api/users/blacklist", &access).await.status == StatusCode::OK
}

async fn fill_in(browser: &Browser, fields: &[(&str, &str)]) {
    for (field, text) in fields {
        type_into(browser, field, text).await.unwrap();
    }
    click(browser, "button").await.unwrap();
}

async fn heading(browser: &Browser, text: &str) {
    let heading = format!("//h1[text()='{text}']");
    let found = browser.wait().at_most(PATIENCE).for_element(Locator::XPath(&heading)).await;
    assert!(found.is_ok(), "{}", browser.source().await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_printed_url_makes_the_first_administrator_in_the_browser() {
    let folder = Folder::new();
    let server = folder.serve();
    let url = setup_url(&server).unwrap();
    assert!(url.starts_with(&format!("http://{}/setup/", server.address)), "{url}");

    let driver = Driver::start();
    let browser = driver.browser(folder.path("profile").to_str().unwrap()).await;
    browser.goto(&url).await.unwrap();
    heading(&browser, "Set up this server").await;
    fill_in(
        &browser,
        &[
            ("#email", "boss@people.example"),
            ("#username", "boss"),
            ("#password1", PASSWORD),
            ("#password2", "something else"),
        ],
    )
    .await;
    let wrong =
        browser.wait().at_most(PATIENCE).for_element(Locator::Css("#password2-wrong-1")).await.unwrap();
    assert_eq!(wrong.text().await.unwrap(), "The two passwords are not the same.");
    let kept = browser.find(Locator::Css("#email")).await.unwrap().prop("value").await.unwrap();
    assert_eq!(kept.as_deref(), Some("boss@people.example"));
    fill_in(&browser, &[("#password1", PASSWORD), ("#password2", PASSWORD)]).await;
    heading(&browser, "The server is set up").await;
    browser.goto(&url).await.unwrap();
    heading(&browser, "This link does not work any more").await;
    browser.close().await.unwrap();

    assert!(may_administrate(server.client(), "boss").await);
    let token = setup_path(&server);
    assert!(!folder.log().contains(&token), "the log has no part of the URL");
    assert_eq!(server.stop().await.code(), Some(0));
    assert_eq!(setup_url(&folder.serve()), None, "there is an administrator");
}

#[tokio::test]
async fn a_restart_prints_another_url_and_ends_the_one_before() {
    let folder = Folder::new();
    let server = folder.serve();
    let old = setup_path(&server);
    server.kill();
    let server = folder.serve();
    let new = setup_path(&server);
    let client = server.client();
    assert_ne!(old, new);
    assert_eq!(send(client, &old, "boss").await.status, StatusCode::NOT_FOUND);
    assert_eq!(client.get(&old).await.status, StatusCode::NOT_FOUND);
    assert_eq!(client.get(&new).await.status, StatusCode::OK);
    assert_eq!(send(client, &new, "boss").await.status, StatusCode::OK);
    // What was answered is on the disk, and so is that the link is used up.
    server.kill();
    let server = folder.serve();
    assert_eq!(setup_url(&server), None);
    let client = server.client();
    assert_eq!(send(client, &new, "eve").await.status, StatusCode::NOT_FOUND);
    assert!(may_administrate(client, "boss").await);
}

#[tokio::test]
async fn an_administrator_of_the_command_line_ends_the_printed_url() {
    let folder = Folder::new();
    let server = folder.serve();
    let path = setup_path(&server);
    let create =
        ["admin", "create", "--email", "root@people.example", "--username", "root", "--password-stdin"];
    assert_eq!(folder.run_with_input(&create, PASSWORD).code, 0);
    assert_eq!(send(server.client(), &path, "boss").await.status, StatusCode::NOT_FOUND);
}

/// Behind a load balancer the form may reach another node than the one that printed the URL.
#[tokio::test(flavor = "multi_thread")]
async fn the_newest_url_works_once_on_every_node() {
    let database = PostgresServer::shared().fresh_database();
    let (first, second) = (node(&database), node(&database));
    let (first, second) = (first.serve(), second.serve());
    let (old, new) = (setup_path(&first), setup_path(&second));
    assert_eq!(send(first.client(), &old, "boss").await.status, StatusCode::NOT_FOUND);
    let (here, there) = tokio::join!(send(first.client(), &new, "boss"), send(second.client(), &new, "eve"));
    let statuses = [here.status, there.status];
    assert!(statuses.contains(&StatusCode::OK) && statuses.contains(&StatusCode::NOT_FOUND), "{statuses:?}");
    let name = if here.status == StatusCode::OK { "boss" } else { "eve" };
    assert!(may_administrate(second.client(), name).await);
}

/// JSON lines of production are shipped: nobody who reads them may become the administrator.
#[tokio::test]
async fn t55_no_setup_url_goes_to_a_log_that_is_shipped() {
    let folder = Folder::new()
        .with("VESTIBULE_LOG__FORMAT", "json")
        .with("VESTIBULE_PUBLIC_URL", "https://login.example.org")
        .with("VESTIBULE_MAIL__MODE", "off");
    let mut server = folder.spawn();
    let has = async |text: &str| {
        eventually(text, async || {
            let lines: Vec<Value> =
                folder.log().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
            lines.into_iter().find(|line| line["message"].as_str().unwrap_or_default().contains(text))
        })
        .await
    };
    let ready = has("vestibule is ready").await;
    assert!(ready["setup"].is_null(), "{ready}");
    let told = has("there is no administrator yet").await;
    assert!(told["message"].as_str().unwrap().contains("vestibule admin create"), "{told}");
    assert!(!folder.log().contains("/setup/"), "{}", folder.log());
    server.kill().unwrap();
    let output = server.wait_with_output().unwrap();
    assert!(output.stdout.is_empty(), "{output:?}");
}
