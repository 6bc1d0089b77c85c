//! The documentation in a real browser: Swagger UI, offline, with its Authorize dialog.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use fantoccini::{Client as Browser, ClientBuilder, Locator, error::CmdError};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::json;

use crate::{client::PASSWORD, program::Folder};

/// How long a page may take to show something before the test gives up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A browser driver on a free port; ended when dropped.
pub(crate) struct Driver {
    process: Child,
    url: String,
}

impl Driver {
    pub(crate) fn start() -> Self {
        let mut command = Command::new("chromedriver");
        command.arg("--port=0").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command
            .spawn()
            .unwrap_or_else(|error| panic!("chromedriver: {error}; `cargo xtask test` installs it"));
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
        let port = lines.find_map(|line| {
            let port = line.strip_prefix("ChromeDriver was started successfully on port ")?;
            Some(port.trim_end_matches('.').to_owned())
        });
        let port = port.expect("chromedriver says its port");
        // Whoever writes into a closed or a full pipe stops, so somebody must go on reading.
        thread::spawn(move || lines.for_each(drop));
        Self { process, url: format!("http://127.0.0.1:{port}") }
    }

    pub(crate) async fn browser(&self, profile: &str) -> Browser {
        let arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--window-size=1200,1400",
            &format!("--user-data-dir={profile}"),
        ];
        let capabilities = json!({
            "goog:chromeOptions": {"args": arguments},
        });
        let capabilities = capabilities.as_object().unwrap().clone();
        ClientBuilder::new(HttpConnector::new()).capabilities(capabilities).connect(&self.url).await.unwrap()
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // It may have ended by itself; there is nobody left to tell.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub(crate) async fn click(browser: &Browser, selector: &str) -> Result<(), CmdError> {
    browser.wait().at_most(PATIENCE).for_element(Locator::Css(selector)).await?.click().await
}

pub(crate) async fn type_into(browser: &Browser, selector: &str, text: &str) -> Result<(), CmdError> {
    browser.wait().at_most(PATIENCE).for_element(Locator::Css(selector)).await?.send_keys(text).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_authorize_dialog_logs_in_and_a_protected_route_answers() {
    let folder = Folder::new();
    let server = folder.serve();
    assert_eq!(server.client().register("ada").await.status, 201);

    let driver = Driver::start();
    let browser = driver.browser(folder.path("profile").to_str().unwrap()).await;
    let outcome = authorize_and_ask(&browser, &format!("http://{}/", server.address)).await;
    let picture = concat!(env!("CARGO_TARGET_TMPDIR"), "/authorize.png");
    std::fs::write(picture, browser.screenshot().await.unwrap()).unwrap();
    browser.close().await.unwrap();
    let answer = outcome.unwrap_or_else(|error| panic!("{error}; {picture} shows the page"));
    assert!(answer.contains("\"email\": \"ada@people.example\""), "{answer}");
}

/// Registers, logs out and in, and asks for the account, as docs/web-login.md shows it; then again without the access
/// cookie, which two calls at once must notice and mend.
const VISIT: &str = "
const account = async () => (await (await call('/api/v1/users/me')).json()).email;
await register('ada@people.example', 'ada', 'a quiet sentence of my own');
await logout();
const loggedOut = (await call('/api/v1/users/me')).status;
await login('ada', 'a quiet sentence of my own');
const first = await account();
return [loggedOut, first];
";
const RETURN: &str = "return Promise.all([account(), account()]);";

#[tokio::test(flavor = "multi_thread")]
async fn a_web_page_logs_in_as_the_documentation_shows_it() {
    let document = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/web-login.md");
    let document = std::fs::read_to_string(document).unwrap();
    let shown = document.split("```js\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let folder = Folder::new();
    let server = folder.serve();
    let driver = Driver::start();
    let browser = driver.browser(folder.path("profile").to_str().unwrap()).await;
    browser.goto(&format!("http://{}/docs/", server.address)).await.unwrap();
    let visit = browser.execute(&in_page(shown, VISIT), vec![]).await.unwrap();
    assert_eq!(visit, json!([401, "ada@people.example"]));
    browser.delete_cookie("access_token").await.unwrap();
    let account = VISIT.lines().find(|line| line.starts_with("const account")).unwrap();
    let again = browser.execute(&in_page(shown, &format!("{account}\n{RETURN}")), vec![]).await.unwrap();
    assert_eq!(again, json!(["ada@people.example", "ada@people.example"]));
    browser.close().await.unwrap();
}

/// A script that runs `steps` with what the documentation shows; the driver waits for its promise.
fn in_page(shown: &str, steps: &str) -> String {
    format!("return (async () => {{ {shown}\n{steps} }})();")
}

/// Logs in by the dialog, tries `/api/v1/users/me` out and returns the answer that the page shows.
async fn authorize_and_ask(browser: &Browser, docs: &str) -> Result<String, CmdError> {
    browser.goto(docs).await?;
    click(browser, "button.authorize").await?;
    type_into(browser, "#oauth_username", "ada").await?;
    type_into(browser, "#oauth_password", PASSWORD).await?;
    // The dialog lists every way to authenticate; the first is the password.
    click(browser, ".auth-btn-wrapper button.authorize").await?;
    browser.wait().at_most(PATIENCE).for_element(Locator::XPath("//h6[text()='Authorized']")).await?;
    click(browser, ".modal-ux .close-modal").await?;
    click(browser, "#operations-users-current_user .opblock-summary-control").await?;
    click(browser, "#operations-users-current_user .execute").await?;
    let answer = "#operations-users-current_user .live-responses-table .highlight-code";
    browser.wait().at_most(PATIENCE).for_element(Locator::Css(answer)).await?.text().await
}
