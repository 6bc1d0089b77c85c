//! What an application keeps with each account: taken, shown, changed, exported and gone with it (SPEC §3).

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use vestibule::{
    AccountProfile, ProfileViolation,
    hooks::{Changed, HookFailure, Hooks, ProfileChange, Registering, Verdict},
};
use vestibule_testkit::{Answer, Client, PASSWORD, TestApp, faults::Fault};

use super::{
    account_changes::{admin_of, id_of},
    confirmation::{only_letter, token_of},
    database,
};

const MINE: &str = "/api/v1/users/me/profile";
const UNKNOWN: &str = "0190163d-8694-739b-aea5-966c26f8ad91";

#[derive(Serialize, Deserialize)]
pub(super) struct Profile {
    display_colour: Option<String>,
    #[serde(default)]
    newsletter: bool,
    #[serde(default)]
    links: Vec<Link>,
}

#[derive(Serialize, Deserialize)]
struct Link {
    url: String,
}

impl AccountProfile for Profile {
    fn normalise(&mut self) {
        if let Some(colour) = &mut self.display_colour {
            *colour = colour.trim().to_lowercase();
        }
    }

    fn validate(&self) -> Result<(), Vec<ProfileViolation>> {
        let mut broken = Vec::new();
        if self.display_colour.as_deref().is_some_and(|colour| !["red", "green", "blue"].contains(&colour)) {
            let message = "There is red, green and blue";
            broken.push(ProfileViolation::new("display_colour", "colour_unknown", message));
        }
        for (number, _) in self.links.iter().enumerate().filter(|(_, link)| !link.url.starts_with("https://"))
        {
            let field = format!("links[{number}].url");
            broken.push(ProfileViolation::new(field, "link_insecure", "Links begin with https"));
        }
        if broken.is_empty() { Ok(()) } else { Err(broken) }
    }
}

fn registration(name: &str, profile: Option<&Value>) -> Value {
    let email = format!("{name}@example.com");
    let mut body = json!({"email": email, "username": name, "password": PASSWORD,
        "password1": PASSWORD, "password2": PASSWORD});
    if let Some(profile) = profile {
        body["profile"] = profile.clone();
    }
    body
}

async fn register(client: &Client, name: &str, profile: Option<&Value>) -> Answer {
    client.post("/api/users/register").json(&registration(name, profile)).await
}

async fn start() -> TestApp {
    TestApp::builder().profile::<Profile>().start().await
}

fn written(colour: impl Into<Value>, newsletter: bool) -> Value {
    let colour = colour.into();
    json!({"display_colour": colour, "newsletter": newsletter, "links": []})
}

#[tokio::test]
async fn a_profile_is_taken_at_registration_and_shown_wherever_the_account_is() {
    let app = start().await;
    let client = app.client();
    let sent = json!({"display_colour": " Red "});
    let shown = written(json!("red"), false);
    assert_eq!(register(&client, "ada", Some(&sent)).await.expect(200).json()["profile"], shown);
    let made = app.client().post("/api/v1/users").json(&registration("bob", Some(&sent))).await.expect(201);
    assert_eq!(made.json()["profile"], shown);
    assert_eq!(client.log_in("ada", PASSWORD).await.expect(200).json()["profile"], shown);
    assert_eq!(client.get("/api/v1/users/me").await.expect(200).json()["profile"], shown);
    assert_eq!(client.get(MINE).await.expect(200).json(), shown);
    assert_eq!(client.get("/api/users/export").await.expect(200).json()["account"]["profile"], shown);

    let (root, id) = (admin_of(&app).await, id_of(&client).await);
    for path in [format!("/api/users/{id}"), format!("/api/v1/users/{id}")] {
        assert_eq!(root.get(&path).await.expect(200).json()["profile"], shown, "{path}");
    }
    assert_eq!(root.get("/api/users?username=ada").await.json()["items"][0]["profile"], shown);
    let listed = root.get("/api/v1/users").await.json();
    let own = listed.as_array().unwrap().iter().find(|account| account["id"] == id).unwrap();
    assert_eq!(own["profile"], shown);
    let permissions = json!({"action": "ADD", "payload": ["read"]});
    let promoted = root.patch(&format!("/api/users/{id}/permissions")).json(&permissions).await.expect(200);
    assert_eq!(promoted.json()["profile"], shown);
    // Nothing was sent, and every member has a default: so have accounts from before there were profiles.
    assert_eq!(root.get(MINE).await.expect(200).json(), written(Value::Null, false));
    database::change(&app, "UPDATE account SET profile = NULL WHERE username = ?1", "boss");
    assert_eq!(root.get(MINE).await.expect(200).json(), written(Value::Null, false));
}

/// T16: and nothing that is about the account and not in the type.
#[tokio::test]
async fn t16_what_is_stored_is_what_the_type_writes() {
    let app = start().await;
    let client = app.client();
    let sent = json!({"newsletter": true, "confirmed": true, "active": false, "permissions": ["admin"],
        "id": UNKNOWN, "email": "eve@example.com", "username": "eve", "password_hash": "x",
        "__proto__": {"admin": true}, "profile": {"newsletter": false}});
    let made = register(&client, "ada", Some(&sent)).await.expect(200).json();
    let put = client.put(MINE).json(&sent).await.expect(200).json();
    assert_eq!(put, written(Value::Null, true));
    let text = database::text(&app, "SELECT profile FROM account WHERE username = 'ada'");
    assert_eq!(text, r#"{"display_colour":null,"newsletter":true,"links":[]}"#);
    let account = client.get("/api/v1/users/me").await.expect(200).json();
    assert_eq!(account, made);
    for (member, value) in [
        ("confirmed", json!(false)),
        ("active", json!(true)),
        ("permissions", json!([])),
        ("email", json!("ada@example.com")),
        ("username", json!("ada")),
    ] {
        assert_eq!(account[member], value, "{member}");
    }
    let _ = client.get("/api/v1/users").await.expect_problem(403, "forbidden");
}

#[tokio::test]
async fn what_is_no_profile_is_422_and_named_beside_the_other_faults() {
    let app = start().await;
    let ada = app.client().registered("ada").await;
    let (root, id) = (admin_of(&app).await, id_of(&ada).await);
    let before = database::contents(&app);
    for (sent, field, code) in [
        (json!({"display_colour": 7}), "profile.display_colour", "wrong_type"),
        (json!({"newsletter": null}), "profile.newsletter", "wrong_type"),
        (json!({"newsletter": "secret"}), "profile.newsletter", "wrong_type"),
        (json!({"links": [{"url": "https://a"}, {}]}), "profile.links[1].url", "missing"),
        (json!({"links": "secret"}), "profile.links", "wrong_type"),
    ] {
        let mut body = registration("eve", Some(&sent));
        body.as_object_mut().unwrap().remove("email");
        for path in ["/api/users/register", "/api/v1/users"] {
            let answer = app.client().post(path).json(&body).await.expect_problem(422, "validation_failed");
            let errors = answer.json()["errors"].clone();
            let named: Vec<_> = errors.as_array().unwrap().iter().map(|error| &error["field"]).collect();
            assert_eq!(named, ["email", field], "{path}");
            assert_eq!(errors[1]["code"], code, "{path} {field}");
            assert!(!answer.text().contains("secret"), "{}", answer.text());
        }
        let patch = json!({"profile": sent, "active": 1});
        let patched = root.patch(&format!("/api/v1/users/{id}")).json(&patch).await;
        assert_eq!(patched.expect_problem(422, "validation_failed").json()["errors"][1]["field"], field);
        let put = ada.put(MINE).json(&sent).await.expect_problem(422, "validation_failed").json();
        assert_eq!((&put["errors"][0]["field"], &put["errors"][0]["code"]), (&json!(field), &json!(code)));
    }
    for none in [json!([]), json!("text"), json!(true), json!(1), json!(["a"])] {
        let answer =
            register(&app.client(), "eve", Some(&none)).await.expect_problem(422, "validation_failed");
        assert_eq!(answer.json()["errors"][0]["field"], "profile");
        let _ = ada.put(MINE).json(&none).await.expect_problem(400, "malformed_body");
    }
    let patch = json!({"profile": null});
    let _ = root
        .patch(&format!("/api/v1/users/{id}"))
        .json(&patch)
        .await
        .expect_problem(422, "validation_failed");
    assert_eq!(database::contents(&app), before, "nothing was written");
    // Null is nothing, as for every other member that may be left out.
    assert_eq!(
        register(&app.client(), "eve", Some(&Value::Null)).await.expect(200).json()["profile"],
        written(Value::Null, false)
    );
}

#[tokio::test]
async fn broken_rules_are_400_with_the_applications_own_codes() {
    let app = start().await;
    let ada = app.client().registered("ada").await;
    let (root, id) = (admin_of(&app).await, id_of(&ada).await);
    let before = database::contents(&app);
    let sent = json!({"display_colour": "mauve", "links": [{"url": "https://a"}, {"url": "http://b"}]});
    let expected = json!([
        {"field": "profile.display_colour", "code": "colour_unknown", "message": "There is red, green and blue"},
        {"field": "profile.links[1].url", "code": "link_insecure", "message": "Links begin with https"},
    ]);
    let patch = root.patch(&format!("/api/v1/users/{id}")).json(&json!({"profile": sent}));
    for answer in [ada.put(MINE).json(&sent).await, patch.await] {
        let problem = answer.expect_problem(400, "colour_unknown").json();
        assert_eq!((&problem["errors"], &problem["detail"]), (&expected, &expected[0]["message"]));
        assert_eq!(problem["type"], "urn:vestibule:problem:colour_unknown");
    }
    // Names come first, and whoever registers mends everything at once.
    for path in ["/api/users/register", "/api/v1/users"] {
        let answer = app.client().post(path).json(&registration("a", Some(&sent))).await;
        let problem = answer.expect_problem(400, "username_length").json();
        let codes: Vec<_> =
            problem["errors"].as_array().unwrap().iter().map(|error| &error["code"]).collect();
        assert_eq!(codes, ["username_length", "colour_unknown", "link_insecure"], "{path}");
    }
    assert_eq!(database::contents(&app), before, "nothing was written");
}

#[tokio::test]
async fn a_profile_has_an_end_and_no_member_twice() {
    let app = start().await;
    let ada = app.client().registered("ada").await;
    let links =
        |count: usize| json!({"links": vec![json!({"url": format!("https://{}", "x".repeat(100))}); count]});
    let _ = ada.put(MINE).json(&links(60)).await.expect(200);
    let answer = ada.put(MINE).json(&links(80)).await.expect_problem(400, "profile_too_long");
    assert_eq!(answer.json()["errors"][0]["field"], "profile");
    let _ = register(&app.client(), "eve", Some(&links(80))).await.expect_problem(400, "profile_too_long");
    // Unknown members are not stored, so that their length does not count, but the body's does.
    let _ = ada.put(MINE).json(&json!({"unknown": "x".repeat(20_000)})).await.expect(200);
    let _ = ada
        .put(MINE)
        .json(&json!({"unknown": "x".repeat(70_000)}))
        .await
        .expect_problem(413, "payload_too_large");
    let deep = format!("{{\"unknown\":{}{}}}", "[".repeat(200), "]".repeat(200));
    for body in [
        r#"{"newsletter":true,"newsletter":false}"#,
        r#"{"links":[{"url":"a","url":"b"}]}"#,
        &deep,
        "null",
        "",
    ] {
        let request = ada.put(MINE).header("content-type", "application/json").body(body.to_owned());
        let _ = request.await.expect_problem(400, "malformed_body");
    }
    let text = ada.put(MINE).header("content-type", "text/plain").body("{}").await;
    let _ = text.expect_problem(415, "unsupported_media_type");
}

/// T16, better-auth CVE-2025-61928: whose it is stands in the token.
#[tokio::test]
async fn t16_a_profile_is_read_and_set_by_its_owner_and_by_administrators_alone() {
    let app = start().await;
    let (ada, eve) = (app.client().registered("ada").await, app.client().registered("eve").await);
    let (id, body) = (id_of(&ada).await, json!({"newsletter": true}));
    let path = format!("/api/v1/users/{id}/profile");
    for path in [MINE, &path] {
        let _ = app.client().get(path).await.expect_problem(401, "not_authenticated");
        let _ = app.client().put(path).json(&body).await.expect_problem(401, "not_authenticated");
    }
    for id in [id.as_str(), UNKNOWN] {
        let path = format!("/api/v1/users/{id}/profile");
        let _ = eve.get(&path).await.expect_problem(403, "forbidden");
        let _ = eve.put(&path).json(&body).await.expect_problem(403, "forbidden");
    }
    let cross = ada.put(MINE).json(&body).without("origin").without("sec-fetch-site");
    let _ = cross.header("sec-fetch-site", "cross-site").await.expect_problem(403, "cross_site_request");
    let _ = ada.post(MINE).json(&body).await.expect_problem(405, "method_not_allowed");
    assert_eq!(ada.put(&path).json(&body).await.expect(200).json()["newsletter"], true);

    let root = admin_of(&app).await;
    for unknown in [UNKNOWN, "1", "Me", "you"] {
        let path = format!("/api/v1/users/{unknown}/profile");
        let _ = root.get(&path).await.expect_problem(404, "not_found");
        let _ = root.put(&path).json(&body).await.expect_problem(404, "not_found");
    }
    let _ = root.put(&path).json(&json!({"display_colour": "blue"})).await.expect(200);
    assert_eq!(root.get(&path).await.expect(200).json(), written(json!("blue"), false));
    let change = json!({"profile": {"display_colour": "green"}, "full_name": "Ada"});
    let patched = root.patch(&format!("/api/v1/users/{id}")).json(&change).await.expect(200).json();
    assert_eq!(
        (&patched["profile"], &patched["full_name"]),
        (&written(json!("green"), false), &json!("Ada"))
    );
    assert_eq!(eve.get(MINE).await.expect(200).json(), written(Value::Null, false));

    let events = app.audit().await;
    // All of one moment, and so in no order.
    let changes = events.iter().filter(|event| event.kind == "profile_changed");
    let mut actors: Vec<_> = changes
        .map(|event| {
            assert_eq!(event.account_id.unwrap().to_string(), id);
            event.actor_id.map(|id| id.to_string())
        })
        .collect();
    actors.sort();
    let boss = Some(id_of(&root).await);
    assert_eq!(actors, [None, boss.clone(), boss]);
}

#[tokio::test]
async fn of_many_profiles_at_once_the_last_one_stays_whole() {
    let app = start().await;
    let ada = app.client().registered("ada").await;
    let sent = |number: usize| {
        let newsletter = number.is_multiple_of(2);
        json!({"newsletter": newsletter, "links": [{"url": format!("https://{number}")}]})
    };
    let puts = (0..12).map(|number| {
        let client = ada.copy();
        tokio::spawn(async move { client.put(MINE).json(&sent(number)).await.expect(200).json() })
    });
    for (number, put) in puts.collect::<Vec<_>>().into_iter().enumerate() {
        assert_eq!(put.await.unwrap()["links"], sent(number)["links"], "each is told its own");
    }
    let kept = ada.get(MINE).await.expect(200).json();
    let number: usize = kept["links"][0]["url"].as_str().unwrap()["https://".len()..].parse().unwrap();
    assert_eq!((&kept["newsletter"], &kept["links"]), (&sent(number)["newsletter"], &sent(number)["links"]));
}

#[tokio::test]
async fn a_profile_goes_with_its_account() {
    let app = start().await;
    let ada = app.client();
    let _ = register(&ada, "ada", Some(&json!({"display_colour": "red"}))).await.expect(200);
    let (root, id) = (admin_of(&app).await, id_of(&ada).await);
    let _ = root.delete(&format!("/api/v1/users/{id}")).await.expect(204);
    let _ = ada.get(MINE).await.expect_problem(401, "invalid_token");
    assert_eq!(database::count(&app, "SELECT COUNT(*) FROM account WHERE profile LIKE '%red%'"), 0);
}

/// An application without a type, as the server is one: the wire is as ever, and what is stored stays.
#[tokio::test]
async fn without_a_type_nothing_is_shown_and_nothing_is_lost() {
    let app = start().await;
    let _ = register(&app.client(), "ada", Some(&json!({"display_colour": "red"}))).await.expect(200);
    let app = app.stop().await.without_profile().start().await;
    let ada = app.client().logged_in("ada").await;
    let account = ada.get("/api/v1/users/me").await.expect(200).json();
    assert!(account.get("profile").is_none(), "{account}");
    for path in [MINE, &format!("/api/v1/users/{}/profile", account["id"].as_str().unwrap())] {
        let _ = ada.get(path).await.expect_problem(404, "not_found");
        let _ = ada.put(path).json(&json!({})).await.expect_problem(404, "not_found");
    }
    let made = register(&app.client(), "eve", Some(&json!(["no", 1, "profile"]))).await.expect(200).json();
    assert!(made.get("profile").is_none());
    let change = json!({"full_name": "Ada", "profile": {"display_colour": "blue"}});
    let path = format!("/api/v1/users/{}", account["id"].as_str().unwrap());
    let changed = admin_of(&app).await.patch(&path).json(&change).await.expect(200).json();
    assert!(changed.get("profile").is_none() && changed["full_name"] == "Ada");
    let export = ada.get("/api/users/export").await.expect(200).json();
    assert_eq!(export["account"]["profile"], written(json!("red"), false), "it is hers");
    let description = ada.get("/openapi.json").await.expect(200);
    assert!(!description.text().contains("/profile") && !description.text().contains("set_profile"));

    let app = app.stop().await.profile::<Profile>().start().await;
    let ada = app.client().logged_in("ada").await;
    assert_eq!(ada.get(MINE).await.expect(200).json(), written(json!("red"), false));
}

#[tokio::test]
async fn t58_an_outage_is_an_outage() {
    let app = start().await;
    let ada = app.client().registered("ada").await;
    app.store().fail("change_account", Fault::Before);
    let _ = ada.put(MINE).json(&json!({})).await.expect_problem(503, "unavailable");
    app.store().heal();
    app.store().fail("find_account", Fault::Before);
    let _ = ada.get(MINE).await.expect_problem(503, "unavailable");
    let _ = ada.put(MINE).json(&json!({})).await.expect_problem(503, "unavailable");
}

/// A registration that waits for its proof keeps the profile sealed, and the account has it.
#[tokio::test]
async fn a_concealed_registration_brings_its_profile() {
    let app = TestApp::builder()
        .profile::<Profile>()
        .policy(|policy| {
            policy.registration.requires_confirmation = true;
            policy.registration.conceals_existing = true;
        })
        .start()
        .await;
    let sent = json!({"display_colour": "red", "links": [{"url": "https://a-place-of-hers.example"}]});
    let promised = register(&app.client(), "ada", Some(&sent)).await.expect(200).json();
    let refused = json!({"display_colour": "mauve"});
    let _ = register(&app.client(), "bob", Some(&refused)).await.expect_problem(400, "colour_unknown");
    let link = token_of(&only_letter(&app).await);
    let file = std::fs::read(app.database()).unwrap();
    assert!(!file.windows(20).any(|part| part == b"a-place-of-hers.exam"), "what waits is sealed");
    let _ = app.client().post(&format!("/api/users/confirm/{link}")).await.expect(200);
    let ada = app.client().logged_in("ada").await;
    let profile = ada.get(MINE).await.expect(200).json();
    assert_eq!((&profile["display_colour"], &profile), (&json!("red"), &promised["profile"]));
}

/// Writes down what it is told, and wants no green.
#[derive(Debug, Default)]
struct Listener(Mutex<Vec<String>>);

#[async_trait]
impl Hooks for Listener {
    async fn before_register(&self, event: &Registering) -> Result<Verdict, HookFailure> {
        let profile: Profile = event.profile.as_ref().unwrap().read()?;
        self.0.lock().unwrap().push(format!("registers with {:?}", profile.display_colour));
        Ok(Verdict::Proceed)
    }

    async fn before_profile_change(&self, event: &ProfileChange) -> Result<Verdict, HookFailure> {
        let (from, to): (Profile, Profile) = (event.account.profile()?, event.profile.read()?);
        self.0.lock().unwrap().push(format!("{:?} to {:?}", from.display_colour, to.display_colour));
        let is_green = to.display_colour.as_deref() == Some("green");
        Ok(if is_green { Verdict::veto("No green on Sundays") } else { Verdict::Proceed })
    }

    async fn after_profile_change(&self, event: &Changed) -> Result<(), HookFailure> {
        let profile: Profile = event.after.profile()?;
        let by = if event.caller.actor_id.is_some() { "an administrator" } else { "themselves" };
        self.0.lock().unwrap().push(format!("now {:?} by {by}", profile.display_colour));
        Ok(())
    }
}

#[tokio::test]
async fn hooks_are_told_of_profiles_and_may_veto_them() {
    let listener = Arc::new(Listener::default());
    let app = TestApp::builder().profile::<Profile>().hooks(listener.clone()).start().await;
    let told = || std::mem::take(&mut *listener.0.lock().unwrap());
    let ada = app.client();
    let _ = register(&ada, "ada", Some(&json!({"display_colour": "red"}))).await.expect(200);
    assert_eq!(told(), ["registers with Some(\"red\")"]);
    let (root, id) = (admin_of(&app).await, id_of(&ada).await);
    let _ = told();
    let _ = ada.put(MINE).json(&json!({"display_colour": "blue"})).await.expect(200);
    assert_eq!(told(), ["Some(\"red\") to Some(\"blue\")", "now Some(\"blue\") by themselves"]);
    let green = json!({"display_colour": "green"});
    let vetoed = ada.put(MINE).json(&green).await.expect_problem(400, "vetoed");
    assert_eq!(vetoed.json()["detail"], "No green on Sundays");
    let path = format!("/api/v1/users/{id}");
    let _ = root.patch(&path).json(&json!({"profile": green})).await.expect_problem(400, "vetoed");
    assert_eq!(told(), ["Some(\"blue\") to Some(\"green\")", "Some(\"blue\") to Some(\"green\")"]);
    let _ = root.patch(&path).json(&json!({"profile": {}})).await.expect(200);
    assert_eq!(told(), ["Some(\"blue\") to None", "now None by an administrator"]);
    assert_eq!(ada.get(MINE).await.json()["display_colour"], Value::Null);
}
