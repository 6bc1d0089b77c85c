//! `vestibule user` and `vestibule audit`, beside a running server.

use std::{
    io::{BufRead as _, BufReader},
    process::Stdio,
};

use http::StatusCode;
use serde_json::{Value, json};

use crate::{
    client::{Client, PASSWORD},
    program::{Ended, Folder, eventually},
};

fn parsed(ended: &Ended) -> Value {
    assert_eq!(ended.code, 0, "{ended:?}");
    serde_json::from_str(&ended.stdout).unwrap()
}

/// Also where nobody asks the database.
async fn dies(client: Client, access: &str) {
    let dies = async || {
        let status = client.post_as("/api/users/token", access).await.status;
        (status == StatusCode::UNAUTHORIZED).then_some(())
    };
    eventually("the token is refused", dies).await;
    assert_eq!(client.get_as("/api/v1/users/me", access).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn an_account_is_made_shown_disabled_enabled_and_deleted() {
    let folder = Folder::new();
    let server = folder.serve();
    let client = server.client();
    let create = [
        "user",
        "create",
        "--email",
        "ada@people.example",
        "--username",
        "ada",
        "--password-stdin",
        "--json",
    ];
    let made = parsed(&folder.run_with_input(&create, &format!("{PASSWORD}\n")));
    assert_eq!(
        (&made["username"], &made["confirmed"], &made["permissions"]),
        (&json!("ada"), &json!(false), &json!([]))
    );
    let tokens = client.tokens("ada").await;
    let id = made["id"].as_str().unwrap();
    for who in [id, "ADA", "ada@people.example"] {
        assert_eq!(parsed(&folder.run(&["user", "show", who, "--json"]))["id"], id, "{who}");
    }
    let shown = folder.run(&["user", "show", "ada"]).stdout;
    assert!(shown.contains("state          active, unconfirmed"), "{shown}");

    let disabled = folder.run(&["user", "disable", "ada"]);
    assert_eq!(
        (disabled.code, disabled.stdout.trim()),
        (0, &*format!("ada ({id}) is disabled; its sessions have ended."))
    );
    dies(client, &tokens.access).await;
    assert_eq!(client.log_in("ada", PASSWORD).await.status, StatusCode::FORBIDDEN);
    assert_eq!(parsed(&folder.run(&["user", "enable", "ada", "--json"]))["active"], true);
    let again = client.tokens("ada").await;
    assert_eq!(client.get_as("/api/v1/users/me", &again.access).await.status, StatusCode::OK);
    assert_eq!(client.get_as("/api/v1/users/me", &tokens.access).await.status, StatusCode::UNAUTHORIZED);

    let unsure = folder.run(&["user", "delete", "ada"]);
    assert_eq!(unsure.code, 2, "{unsure:?}");
    assert!(unsure.stderr.contains("add --yes"), "{unsure:?}");
    assert_eq!(client.get_as("/api/v1/users/me", &again.access).await.status, StatusCode::OK);
    assert_eq!(folder.run(&["user", "delete", "ada", "--yes"]).code, 0);
    dies(client, &again.access).await;
    let gone = folder.run(&["user", "show", "ada"]);
    assert_eq!((gone.code, gone.stderr.contains("there is no account ada")), (1, true), "{gone:?}");

    let audit = folder.run(&["audit", "tail", "--account", id, "--json"]);
    let kinds: Vec<_> = audit
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|event| event["detail"] == "operator")
        .map(|event| event["kind"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(kinds, ["register", "ban", "unban", "account_deletion"], "{audit:?}");
}

#[tokio::test]
async fn accounts_are_listed_and_found_by_a_part_of_their_name() {
    let folder = Folder::new();
    for name in ["ada", "adam", "bob"] {
        let email = format!("{name}@people.example");
        let create = ["user", "create", "--email", &email, "--username", name, "--no-password"];
        assert_eq!(folder.run(&create).code, 0);
    }
    let names = |arguments: &[&str]| -> Vec<String> {
        let listed = parsed(&folder.run(&[&["user", "list", "--json"], arguments].concat()));
        let names = listed.as_array().unwrap().iter().map(|one| one["username"].as_str().unwrap().to_owned());
        names.collect()
    };
    assert_eq!(names(&[]), ["ada", "adam", "bob"]);
    assert_eq!(names(&["--skip", "1", "--limit", "1"]), ["adam"]);
    assert_eq!(names(&["--username", "DA"]), ["ada", "adam"]);
    assert_eq!(names(&["--username", "%"]), Vec::<String>::new());
    let table = folder.run(&["user", "list"]).stdout;
    let lines: Vec<_> = table.lines().collect();
    assert_eq!(lines.len(), 4);
    assert!(lines[0].starts_with("id "), "{table}");
    assert!(lines[3].contains("bob@people.example"), "{table}");
    assert_eq!(folder.run(&["user", "list", "--limit", "0"]).code, 2);

    // Nobody knows a password that is none.
    let server = folder.serve();
    assert_eq!(server.client().log_in("ada", PASSWORD).await.status, StatusCode::UNAUTHORIZED);
}

#[test]
fn what_cannot_be_done_says_why() {
    let folder = Folder::new();
    let ended = folder.run(&["user", "list"]);
    assert_eq!(ended.code, 3, "{ended:?}");
    assert!(ended.stderr.contains("there is no database"), "{ended:?}");
    let create = |email: &str, name: &str| {
        let arguments = ["user", "create", "--email", email, "--username", name, "--no-password"];
        folder.run(&arguments)
    };
    assert_eq!(create("ada@people.example", "ada").code, 0);
    let taken = create("ada@people.example", "ADA");
    assert_eq!(taken.code, 1, "{taken:?}");
    assert_eq!(taken.stderr.matches("belongs to another account").count(), 2, "{taken:?}");
    let broken = create("nonsense", "a");
    assert_eq!((broken.code, broken.stderr.lines().count()), (2, 2), "{broken:?}");
    for who in ["eve", "eve@people.example", "0190163d-8694-739b-aea5-966c26f8ad91", "a b"] {
        for verb in ["show", "disable", "enable", "confirm"] {
            assert_eq!(folder.run(&["user", verb, who]).code, 1, "{verb} {who}");
        }
    }
    assert_eq!(folder.run(&["audit", "tail", "--kind", "nonsense"]).code, 2);
    assert_eq!(folder.run(&["user", "create", "--email", "a@b.example", "--password", "x"]).code, 2);
}

/// Somebody has to be able to lock out an administrator whose account is in wrong hands, and can make another one.
#[test]
fn the_operator_may_disable_the_last_administrator() {
    let folder = Folder::new();
    let create =
        ["admin", "create", "--email", "root@people.example", "--username", "root", "--password-stdin"];
    assert_eq!(folder.run_with_input(&create, PASSWORD).code, 0);
    assert_eq!(folder.run(&["user", "disable", "root"]).code, 0);
    assert_eq!(parsed(&folder.run(&["user", "show", "root", "--json"]))["active"], false);
}

#[tokio::test]
async fn the_audit_log_is_followed() {
    let folder = Folder::new();
    let server = folder.serve();
    server.client().register("ada").await;
    let mut command = folder.command(&["audit", "tail", "--follow", "--json"]);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let (send, mut receive) = tokio::sync::mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            let _ = send.send(serde_json::from_str::<Value>(&line).unwrap());
        }
    });
    let mut next = async |kind: &str| {
        let event = tokio::time::timeout(std::time::Duration::from_secs(30), receive.recv()).await;
        let event = event.unwrap().unwrap();
        assert_eq!(event["kind"], kind, "{event}");
        event
    };
    let registration = next("register").await;
    server.client().tokens("ada").await;
    assert_eq!(next("login").await["account_id"], registration["account_id"]);
    assert_eq!(folder.run(&["user", "disable", "ada"]).code, 0);
    assert_eq!(next("ban").await["detail"], "operator");
    child.kill().unwrap();
    child.wait().unwrap();
}

/// The link goes through the queue of the database to the running server, which mails it.
#[tokio::test]
async fn somebody_who_lost_their_password_is_mailed_a_link() {
    let folder = Folder::new();
    let server = folder.serve();
    let client = server.client();
    client.register("ada").await;
    let tokens = client.tokens("ada").await;
    let told = folder.run(&["user", "reset-password", "ADA"]);
    assert_eq!(told.code, 0, "{told:?}");
    assert!(told.stdout.contains("is mailed a link by the running server"), "{told:?}");
    assert!(!told.stdout.contains("/reset/"), "the link is for its owner alone: {told:?}");
    let headers = [("accept", "application/json")];
    let link = eventually("the letter comes", async || {
        let letters = client.try_send(http::Method::GET, "/dev/mail", &headers, String::new()).await.unwrap();
        let letters = letters.json();
        let links = letters.as_array().unwrap().iter().filter_map(|letter| letter["links"][0].as_str());
        links.map(str::to_owned).find(|link| link.contains("/reset/"))
    });
    let token = link.await.rsplit('/').next().unwrap().to_owned();
    assert_eq!(client.get_as("/api/v1/users/me", &tokens.access).await.status, StatusCode::OK, "not yet");
    let new = "another horse battery staple";
    let body = json!({"password1": new, "password2": new});
    let reset = client.post(&format!("/api/users/password/{token}"), &body).await;
    assert_eq!(reset.status, StatusCode::OK, "{reset:?}");
    assert_eq!(client.log_in("ada", new).await.status, StatusCode::OK);
    dies(client, &tokens.access).await;
}

#[tokio::test]
async fn an_operator_sets_a_password_where_no_mail_is_sent() {
    let folder = Folder::new().with("VESTIBULE_MAIL__MODE", "off");
    let server = folder.serve();
    let client = server.client();
    client.register("ada").await;
    let tokens = client.tokens("ada").await;
    let no_mail = folder.run(&["user", "reset-password", "ada"]);
    assert_eq!(no_mail.code, 2, "{no_mail:?}");
    assert!(no_mail.stderr.contains("--password-stdin"), "{no_mail:?}");
    let set = ["user", "reset-password", "ada", "--password-stdin"];
    for (password, told) in
        [("password1", "common"), ("short", "8 to 256"), ("ada@people.example", "contain")]
    {
        let refused = folder.run_with_input(&set, password);
        assert_eq!(refused.code, 2, "{refused:?}");
        assert!(refused.stderr.contains(told), "{refused:?}");
    }
    assert_eq!(client.get_as("/api/v1/users/me", &tokens.access).await.status, StatusCode::OK);
    let new = "another horse battery staple";
    let done = folder.run_with_input(&set, &format!("{new}\n"));
    assert_eq!(done.code, 0, "{done:?}");
    assert!(done.stdout.contains("has the new password; its sessions have ended."), "{done:?}");
    dies(client, &tokens.access).await;
    assert_eq!(client.refresh(&tokens.refresh).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(client.log_in("ada", PASSWORD).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(client.log_in("ada", new).await.status, StatusCode::OK);
    let audit = folder.run(&["audit", "tail", "--kind", "password_reset", "--json"]);
    assert!(audit.stdout.contains("\"operator\""), "{audit:?}");
    for (who, code) in [("eve", 1), ("ada", 2)] {
        let ended = folder.run(&["user", "reset-password", who, "--password", "x"]);
        assert_eq!(ended.code, 2, "no secret on the command line: {ended:?}");
        assert_eq!(
            folder.run_with_input(&["user", "reset-password", who, "--password-stdin"], "x").code,
            code
        );
    }
}

/// `user unlock` reaches the counters of a server that has them in its memory, with the next login.
#[tokio::test]
async fn a_running_server_obeys_user_unlock() {
    let folder = Folder::new();
    let server = folder.serve();
    server.client().register("ada").await;
    let mut refused = 0;
    for _ in 0..20 {
        let answer = server.client().log_in("ada", "wrong password").await;
        refused += usize::from(answer.status == StatusCode::TOO_MANY_REQUESTS);
    }
    assert!(refused > 5, "strangers wait: {refused}");
    let unlocked = folder.run(&["user", "unlock", "ada"]);
    assert_eq!(unlocked.code, 0, "{}", unlocked.stderr);
    assert!(unlocked.stdout.contains("is unlocked"), "{}", unlocked.stdout);
    let shown = folder.run(&["audit", "tail", "--kind", "unlock", "--json"]);
    assert!(shown.stdout.contains("\"operator\""), "{}", shown.stdout);
    server.client().tokens("ada").await;
    assert_eq!(folder.run(&["user", "unlock", "nobody"]).code, 1);
}
