//! A mail server that is away for an hour: real sockets, and a clock that a test turns.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use rusqlite::Connection;
use serde_json::json;
use tokio::net::TcpStream;
use vestibule_core::values::email::Email;
use vestibule_mail::{Encryption, Site, SmtpMailer, SmtpOptions, Templates};
use vestibule_testkit::{
    TestApp,
    servers::{Proxy, Traffic},
    smtp::SmtpServer,
};

use super::hang_up::eventually;

fn mailer(smtp: &SmtpServer, port: u16) -> SmtpMailer {
    let site = Site { name: "Example".into(), url: "http://127.0.0.1:8000".into() };
    let options = SmtpOptions {
        host: "localhost".into(),
        port,
        encryption: Encryption::StartTls,
        tls_ca_file: Some(smtp.authority()),
        login: None,
        from: Email::parse("login@example.org").unwrap(),
        display_name: "Example".into(),
        timeout: Duration::from_secs(30),
    };
    SmtpMailer::new(options, Templates::load(site, None).unwrap()).unwrap()
}

/// How many errands there are, and how often the one that was tried most was.
fn queue(app: &TestApp) -> (i64, i64) {
    let count = "SELECT COUNT(*), COALESCE(MAX(attempts), 0) FROM errand";
    let database = Connection::open(app.database()).unwrap();
    database.query_row(count, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap()
}

async fn minutes(app: &TestApp, count: u32) {
    for _ in 0..count {
        app.auth().run_due_errands().await.unwrap();
        app.clock().advance(Duration::from_mins(1));
    }
}

/// Takes the mail server away or brings it back, and waits until that is so.
async fn switch(way: &Proxy, traffic: Traffic) {
    way.set(traffic);
    eventually("the mail server is away or back", || async {
        TcpStream::connect(way.address()).await.is_ok() == (traffic == Traffic::Pass)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_of_an_hour_costs_no_letter_and_nobody_an_answer() {
    let smtp = SmtpServer::start();
    let way = Proxy::start(smtp.address());
    let app = TestApp::builder().mailer(Arc::new(mailer(&smtp, way.address().port()))).start().await;
    // A connection that was good before the outage must not be in the way after it.
    let _ = app.client().registered("before").await;
    minutes(&app, 1).await;
    assert_eq!(smtp.letters().len(), 1);

    switch(&way, Traffic::Refuse).await;
    let names: Vec<_> = (0..6).map(|number| format!("ada{number}")).collect();
    for name in &names {
        let _ = app.client().registered(name).await;
        let body = json!({"email": format!("{name}@example.com")});
        let _ = app.client().post("/api/users/forgot_password").json(&body).await.expect(200);
        minutes(&app, 10).await;
    }
    assert_eq!(smtp.letters().len(), 1, "nothing got through");
    let (waiting, attempts) = queue(&app);
    assert_eq!(waiting, 12, "and nothing is lost");
    assert!(attempts <= 8, "an hour of pauses that grow: {attempts} attempts");

    switch(&way, Traffic::Pass).await;
    minutes(&app, 75).await;
    assert_eq!(queue(&app), (0, 0), "within the longest pause after its return");
    let letters = smtp.letters();
    let sent: Vec<_> = letters.iter().skip(1).map(|letter| letter.to.clone()).collect();
    assert_eq!(sent.len(), 12, "each once: {sent:?}");
    for name in &names {
        let own = sent.iter().filter(|to| **to == [format!("{name}@example.com")]).count();
        assert_eq!(own, 2, "{name}");
    }
    let different: BTreeSet<_> = letters.iter().map(|letter| letter.data.clone()).collect();
    assert_eq!(different.len(), letters.len());
}
