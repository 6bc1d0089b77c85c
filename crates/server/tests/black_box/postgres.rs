//! The same binary on PostgreSQL: what a URL in `database_url` changes, which is nothing but where the data is.

use http::StatusCode;
use serde_json::Value;
use vestibule_testkit::servers::{Database, PostgresServer};

use crate::{
    client::PASSWORD,
    program::{Folder, eventually},
};

const ME: &str = "/api/v1/users/me";
/// All nodes of a test have the same.
const SECRET: &str = "Hd8vYw3kQz7mLp2xRt5nBc9sJf4gTa6e-two-nodes";

/// The working directory of a node.
pub(crate) fn node(database: &Database<'_>) -> Folder {
    Folder::new()
        .with("VESTIBULE_DATABASE_URL", &database.url())
        .with("VESTIBULE_SECRET_KEY", SECRET)
        // Behind a load balancer all nodes have one public URL; here each has a port of its own.
        .with("VESTIBULE_TOKENS__ISSUER", "https://login.example.org")
        .with("VESTIBULE_TOKENS__AUDIENCE", "https://login.example.org")
        .with("VESTIBULE_LOG__LEVEL", "trace")
}

#[tokio::test(flavor = "multi_thread")]
async fn t13_a_logout_on_one_node_holds_on_the_other() {
    let database = PostgresServer::shared().fresh_database();
    let (first, second) = (node(&database), node(&database));
    let (first, second) = (first.serve(), second.serve());
    let (here, there) = (first.client(), second.client());
    assert_eq!(here.register("ada").await.status, StatusCode::CREATED);
    let tokens = there.tokens("ada").await;
    for client in [here, there] {
        assert_eq!(client.get_as(ME, &tokens.access).await.status, StatusCode::OK);
    }
    assert_eq!(here.post_as("/api/users/logout", &tokens.access).await.status, StatusCode::OK);
    assert_eq!(here.get_as(ME, &tokens.access).await.status, StatusCode::UNAUTHORIZED);
    let is_refused = async || {
        let status = there.get_as(ME, &tokens.access).await.status;
        (status == StatusCode::UNAUTHORIZED).then_some(())
    };
    eventually("the other node refuses the token", is_refused).await;
    for client in [here, there] {
        assert_eq!(client.refresh(&tokens.refresh).await.status, StatusCode::UNAUTHORIZED);
    }
    for server in [first, second] {
        assert_eq!(server.stop().await.code(), Some(0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_commands_work_on_it_beside_a_server() {
    let database = PostgresServer::shared().fresh_database();
    let folder = node(&database);
    let check = folder.run(&["migrate", "--check"]);
    assert_eq!(check.code, 1);
    assert!(check.stdout.contains("V1__accounts"), "{check:?}");
    assert_eq!(folder.run(&["keys", "list"]).code, 3, "there is nothing yet");
    assert!(folder.run(&["migrate"]).stdout.contains("V1__accounts"));
    assert_eq!(folder.run(&["migrate", "--check"]).code, 0);

    let server = folder.serve();
    assert!(!server.banner.contains("postgres://"), "{}", server.banner);
    let create =
        ["admin", "create", "--email", "root@people.example", "--username", "root", "--password-stdin"];
    let created = folder.run_with_input(&create, &format!("{PASSWORD}\n"));
    assert_eq!(created.code, 0, "{created:?}");
    let client = server.client();
    let tokens = client.tokens("root").await;
    assert_eq!(client.get_as(ME, &tokens.access).await.status, StatusCode::OK);

    let rotated = folder.run(&["keys", "rotate", "--json"]);
    assert_eq!(rotated.code, 0, "{rotated:?}");
    let rotated: Value = serde_json::from_str(&rotated.stdout).unwrap();
    let signs = async || {
        let keys = client.get("/.well-known/jwks.json").await.json();
        (keys["keys"][0]["kid"] == rotated["kid"]).then_some(())
    };
    eventually("the server signs with the new key", signs).await;
    assert_eq!(server.stop().await.code(), Some(0));
}

#[test]
fn what_cannot_be_opened_is_told_in_a_sentence_without_the_password() {
    let server = PostgresServer::start_with_password();
    let database = server.fresh_database();
    let wrong = database.url().replacen(&password(&database.url()), "hunter2", 1);
    let taken = PostgresServer::shared().fresh_database();
    taken.psql("CREATE TABLE orders (id INTEGER)");
    for (url, told) in [
        (wrong, "refuses the login"),
        (server.url("nowhere"), "does not exist"),
        ("postgres://ada:hunter2@127.0.0.1:1/vestibule".to_owned(), "cannot be reached"),
        (taken.url(), "belongs to another program"),
    ] {
        let folder = Folder::new().with("VESTIBULE_DATABASE_URL", &url).with("VESTIBULE_SECRET_KEY", SECRET);
        for command in [&["serve"][..], &["migrate"], &["migrate", "--check"]] {
            let ended = folder.run(command);
            assert_eq!(ended.code, 3, "{ended:?}");
            assert!(ended.stderr.contains(told), "{ended:?}");
            assert!(!ended.stderr.contains("hunter2") && !ended.stderr.contains("panicked"), "{ended:?}");
        }
    }
}

/// The password in a URL.
fn password(url: &str) -> String {
    let (credentials, _) = url.split_once('@').unwrap();
    credentials.rsplit_once(':').unwrap().1.to_owned()
}
