//! The whole way: register, log in, reach a protected route, refresh, log out.

use http::{Method, StatusCode};
use serde_json::json;
use tokio::task::JoinSet;
use vestibule_testkit::servers::PostgresServer;

use crate::{
    client::{Client, PASSWORD},
    postgres,
    program::{Folder, Server},
};

const ME: &str = "/api/v1/users/me";

#[tokio::test(flavor = "multi_thread")]
async fn t19_from_registration_to_logout_with_64_parallel_refreshes() {
    from_registration_to_logout(Folder::new().with("VESTIBULE_LOG__LEVEL", "trace")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn t19_from_registration_to_logout_on_postgresql() {
    let database = PostgresServer::shared().fresh_database();
    from_registration_to_logout(postgres::node(&database)).await;
}

/// What the driver says of its statements is asked for by name: the second lock on the same door.
#[tokio::test(flavor = "multi_thread")]
async fn t55_no_parameter_of_a_statement_reaches_the_log() {
    for level in ["debug", "trace", "trace,tokio_postgres=trace"] {
        let database = PostgresServer::shared().fresh_database();
        let folder = postgres::node(&database).with("VESTIBULE_LOG__LEVEL", level);
        let server = folder.serve();
        let client = server.client();
        assert_eq!(client.register("ada").await.status, StatusCode::CREATED);
        let tokens = client.tokens("ada").await;
        let renewed = client.refresh(&tokens.refresh).await;
        let (access, refresh) = (renewed.member("access_token"), renewed.member("refresh_token"));
        assert_eq!(client.get_as(ME, &access).await.status, StatusCode::OK);
        assert_eq!(server.stop().await.code(), Some(0));

        let hash = database.psql("SELECT password_hash FROM account");
        let secrets = [PASSWORD, hash.trim(), "$argon2", "people.example"];
        assert_nothing_secret_was_logged(&folder, &secrets);
        assert_nothing_secret_was_logged(&folder, &[&tokens.access, &tokens.refresh, &access, &refresh]);
        let is_asked_for = level.contains("tokio_postgres");
        assert_eq!(folder.log().contains("executing statement"), is_asked_for, "{level}");
        assert!(!folder.log().contains("(Some("), "a parameter stands in the log");
    }
}

async fn from_registration_to_logout(folder: Folder) {
    let server = folder.serve();
    let client = server.client();
    assert_eq!(client.register("ada").await.status, StatusCode::CREATED);
    let tokens = client.tokens("ada").await;
    assert_eq!(client.get_as(ME, &tokens.access).await.member("email"), "ada@people.example");
    let child = refresh_in_parallel(client, &tokens.refresh).await;
    let renewed = client.refresh(&child).await;
    let (access, refresh) = (renewed.member("access_token"), renewed.member("refresh_token"));
    assert_eq!(client.get_as(ME, &access).await.status, StatusCode::OK);

    let logout = client.post_as("/api/users/logout", &access).await;
    assert_eq!((logout.status, logout.text.as_str()), (StatusCode::OK, "null"));
    for dead in [&tokens.access, &access] {
        assert_eq!(client.get_as(ME, dead).await.status, StatusCode::UNAUTHORIZED);
        assert_eq!(client.post_as("/api/users/token", dead).await.status, StatusCode::UNAUTHORIZED);
    }
    for dead in [&tokens.refresh, &child, &refresh] {
        assert_eq!(client.refresh(dead).await.status, StatusCode::UNAUTHORIZED);
    }
    assert_nothing_secret_was_logged(
        &folder,
        &[PASSWORD, &tokens.access, &tokens.refresh, &child, &access, &refresh],
    );
    is_dead_after_a_restart(&folder, server, &access, &refresh).await;
}

/// One of them rotates; the others, within the grace, are told the same child.
async fn refresh_in_parallel(client: Client, token: &str) -> String {
    let mut refreshes = JoinSet::new();
    for _ in 0..64 {
        let token = token.to_owned();
        refreshes.spawn(async move { client.refresh(&token).await });
    }
    let mut children: Vec<_> =
        refreshes.join_all().await.iter().map(|answer| answer.member("refresh_token")).collect();
    children.sort_unstable();
    children.dedup();
    assert_eq!(children.len(), 1, "one live child");
    children.remove(0)
}

/// T55: not even at level trace.
fn assert_nothing_secret_was_logged(folder: &Folder, secrets: &[&str]) {
    let log = folder.log();
    assert!(log.contains("DEBUG"), "the log is on: {log}");
    for secret in secrets {
        assert!(!log.contains(secret), "a secret stands in the log");
    }
}

async fn is_dead_after_a_restart(folder: &Folder, server: Server, access: &str, refresh: &str) {
    assert_eq!(server.stop().await.code(), Some(0));
    let server = folder.serve();
    assert_eq!(server.client().get_as(ME, access).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(server.client().refresh(refresh).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_browser_logs_in_by_cookie_and_must_prove_where_it_comes_from() {
    let folder = Folder::new();
    let server = folder.serve();
    let client = server.client();
    client.register("ada").await;
    let login = client.post("/api/users/login", &json!({ "login": "ADA", "password": PASSWORD })).await;
    assert_eq!(login.status, StatusCode::OK, "{login:?}");
    let (cookies, origin) = (login.cookies(), format!("http://{}", server.address));
    let post = async |origin: &str| {
        let headers = [("cookie", cookies.as_str()), ("origin", origin)];
        client.try_send(Method::POST, "/api/users/token", &headers, String::new()).await.unwrap()
    };
    let claims = post(&origin).await;
    assert_eq!((claims.status, claims.json()["username"].as_str()), (StatusCode::OK, Some("ada")));
    let foreign = post("https://evil.example").await;
    assert_eq!(
        (foreign.status, foreign.member("code").as_str()),
        (StatusCode::FORBIDDEN, "cross_site_request")
    );
}

#[tokio::test]
async fn two_registrations_of_one_name_make_one_account() {
    let folder = Folder::new();
    let server = folder.serve();
    let client = server.client();
    let (one, other) = tokio::join!(client.register("ada"), client.register("ada"));
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [StatusCode::CREATED, StatusCode::CONFLICT]);
}
