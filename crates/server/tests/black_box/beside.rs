//! Commands beside a running server, which obeys within a second.

use http::StatusCode;
use serde_json::Value;

use crate::{
    client::PASSWORD,
    program::{Folder, eventually},
};

const CREATE: [&str; 7] =
    ["admin", "create", "--email", "root@people.example", "--username", "root", "--password-stdin"];

#[tokio::test]
async fn an_administrator_made_beside_the_server_can_log_in() {
    let folder = Folder::new();
    let server = folder.serve();
    let ended = folder.run_with_input(&CREATE, &format!("{PASSWORD}\n"));
    assert_eq!(ended.code, 0, "{ended:?}");
    let tokens = server.client().tokens("root").await;
    let me = server.client().get_as("/api/v1/users/me", &tokens.access).await;
    assert_eq!(me.json()["permissions"], serde_json::json!(["admin"]));
}

#[tokio::test]
async fn an_existing_account_is_promoted_and_keeps_its_password() {
    let folder = Folder::new();
    let server = folder.serve();
    assert_eq!(server.client().register("ada").await.status, StatusCode::CREATED);
    let promote = [
        "admin",
        "create",
        "--email",
        "ada@people.example",
        "--username",
        "ada",
        "--password-stdin",
        "--json",
    ];
    // It may be anybody's who knew the address.
    let ended = folder.run_with_input(&promote, "");
    assert_eq!(ended.code, 1, "{ended:?}");
    assert!(ended.stderr.contains("vestibule user confirm"), "{ended:?}");
    let ended = folder.run(&["user", "confirm", "ada"]);
    assert_eq!((ended.code, ended.stdout.contains("has a proved address now")), (0, true), "{ended:?}");
    let ended = folder.run_with_input(&promote, "");
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_eq!(serde_json::from_str::<Value>(&ended.stdout).unwrap()["created"], false);
    let tokens = server.client().tokens("ada").await;
    let me = server.client().get_as("/api/v1/users/me", &tokens.access).await;
    assert_eq!(me.json()["permissions"], serde_json::json!(["admin"]));
}

#[test]
fn an_administrator_can_be_made_before_the_first_start_and_must_follow_the_rules() {
    let folder = Folder::new();
    let ended = folder.run_with_input(&CREATE, "short");
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.contains("Password must contain"), "{ended:?}");
    assert_eq!(folder.run_with_input(&CREATE, PASSWORD).code, 0);
}

#[tokio::test]
async fn a_rotation_is_obeyed_and_old_tokens_go_on() {
    let folder = Folder::new();
    let server = folder.serve();
    let client = server.client();
    client.register("ada").await;
    let before = client.tokens("ada").await;
    let ended = folder.run(&["keys", "rotate", "--json"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    let rotated: Value = serde_json::from_str(&ended.stdout).unwrap();
    let kid = rotated["kid"].clone();
    let signs =
        async || (client.get("/.well-known/jwks.json").await.json()["keys"][0]["kid"] == kid).then_some(());
    eventually("the server signs with the new key", signs).await;
    assert_eq!(client.get_as("/api/v1/users/me", &before.access).await.status, StatusCode::OK);
    let after = client.tokens("ada").await;
    assert_eq!(client.get_as("/api/v1/users/me", &after.access).await.status, StatusCode::OK);
    let listed: Value = serde_json::from_str(&folder.run(&["keys", "list", "--json"]).stdout).unwrap();
    assert_eq!(listed.as_array().unwrap().len(), 2);
    assert_eq!(listed[0]["kid"], kid);
}

#[tokio::test]
async fn a_compromised_key_is_dead_and_people_refresh() {
    let folder = Folder::new();
    let server = folder.serve();
    let client = server.client();
    client.register("ada").await;
    let before = client.tokens("ada").await;
    assert_eq!(client.get_as("/api/v1/users/me", &before.access).await.status, StatusCode::OK);
    assert_eq!(folder.run(&["keys", "rotate", "--compromised"]).code, 0);
    let dies = async || {
        let status = client.get_as("/api/v1/users/me", &before.access).await.status;
        (status == StatusCode::UNAUTHORIZED).then_some(())
    };
    eventually("tokens of the old key are refused", dies).await;
    let refreshed = client.refresh(&before.refresh).await;
    let me = client.get_as("/api/v1/users/me", &refreshed.member("access_token")).await;
    assert_eq!(me.status, StatusCode::OK);
}

#[tokio::test]
async fn a_key_from_a_file_signs_and_is_not_rotated_here() {
    let pem = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF\n-----END PRIVATE KEY-----\n";
    let folder = Folder::new().with("VESTIBULE_TOKENS__SIGNING_KEY_FILE", "key.pem");
    folder.write("key.pem", pem);
    let server = folder.serve();
    server.client().register("ada").await;
    let tokens = server.client().tokens("ada").await;
    assert_eq!(server.client().get_as("/api/v1/users/me", &tokens.access).await.status, StatusCode::OK);
    let ended = folder.run(&["keys", "rotate"]);
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.contains("signing_key_file"), "{ended:?}");
    folder.write("key.pem", "no key");
    assert_eq!(folder.run(&["keys", "list"]).code, 2);
}
