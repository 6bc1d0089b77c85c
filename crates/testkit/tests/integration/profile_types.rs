//! Profiles in handlers, and what becomes of stored ones when their type changes.

use axum::{Router, routing::get};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use vestibule::{
    AccountProfile, CurrentProfile, CurrentUser,
    http::{
        error::ApiError,
        openapi::ProfileSchema,
        utoipa::{self, ToSchema},
    },
};
use vestibule_testkit::{Client, PASSWORD, TestApp};

use super::database;

const MINE: &str = "/api/v1/users/me/profile";

/// As the first version of an application has it,
#[derive(Serialize, Deserialize, ToSchema)]
struct First {
    colour: Option<String>,
}

/// a later one, which can read what the first one stored,
#[derive(Serialize, Deserialize, ToSchema)]
struct Second {
    #[serde(alias = "colour")]
    display_colour: Option<String>,
    #[serde(default = "yes")]
    newsletter: bool,
}

/// and one that cannot.
#[derive(Serialize, Deserialize, ToSchema)]
struct Strict {
    /// What to call them.
    name: String,
    links: Option<Vec<Link>>,
}

#[derive(Serialize, Deserialize, ToSchema)]
struct Link {
    url: String,
}

const fn yes() -> bool {
    true
}

impl AccountProfile for First {}
impl AccountProfile for Second {}
impl AccountProfile for Strict {}

async fn colour(CurrentProfile(profile): CurrentProfile<First>) -> String {
    profile.colour.unwrap_or_else(|| "grey".into())
}

async fn name(CurrentProfile(profile): CurrentProfile<Strict>) -> String {
    profile.name
}

async fn name_if_any(profile: Option<CurrentProfile<Strict>>) -> String {
    profile.map_or_else(|| "stranger".into(), |CurrentProfile(profile)| profile.name)
}

async fn both(CurrentUser(account): CurrentUser) -> Result<String, ApiError> {
    let profile: First = account.profile()?;
    Ok(format!("{} likes {}", account.email, profile.colour.unwrap_or_else(|| "nothing".into())))
}

fn builder() -> vestibule_testkit::TestAppBuilder {
    TestApp::builder().routes(|state| {
        Router::new()
            .route("/colour", get(colour))
            .route("/name", get(name))
            .route("/name-if-any", get(name_if_any))
            .route("/both", get(both))
            .with_state(state.clone())
    })
}

async fn register(client: &Client, profile: &Value) {
    let body = json!({"email": "ada@example.com", "username": "ada", "password1": PASSWORD,
        "password2": PASSWORD, "profile": profile});
    let _ = client.post("/api/users/register").json(&body).await.expect(200);
}

#[tokio::test]
async fn a_handler_has_the_profile_as_the_applications_type() {
    let app = builder().profile::<First>().start().await;
    let ada = app.client();
    let _ = ada.get("/colour").await.expect_problem(401, "not_authenticated");
    register(&ada, &json!({"colour": "red"})).await;
    assert_eq!(ada.get("/colour").await.expect(200).text(), "red");
    assert_eq!(ada.get("/both").await.expect(200).text(), "ada@example.com likes red");
    let _ = ada.put(MINE).json(&json!({})).await.expect(200);
    assert_eq!(ada.get("/colour").await.expect(200).text(), "grey");
    database::change(&app, "UPDATE account SET profile = NULL WHERE username = ?1", "ada");
    assert_eq!(ada.get("/colour").await.expect(200).text(), "grey", "from before there were profiles");
}

/// A fault of the application's: told to nobody but the log.
#[tokio::test]
async fn t58_another_type_than_the_registered_one_is_a_fault_of_ours() {
    let app = builder().profile::<First>().start().await;
    let ada = app.client().registered("ada").await;
    for path in ["/name", "/name-if-any"] {
        let answer = ada.get(path).await.expect_problem(500, "internal");
        assert!(!answer.text().contains("Strict") && !answer.text().contains("First"), "{}", answer.text());
    }
    let app = builder().start().await;
    let ada = app.client().registered("ada").await;
    let _ = ada.get("/colour").await.expect_problem(500, "internal");
}

#[tokio::test]
async fn a_member_without_a_default_has_to_be_sent_and_may_be_missing_from_older_accounts() {
    let app = builder().profile::<Strict>().start().await;
    let body =
        json!({"email": "a@example.com", "username": "adam", "password1": PASSWORD, "password2": PASSWORD});
    let refused = app.client().post("/api/users/register").json(&body).await;
    let refused = refused.expect_problem(422, "validation_failed").json();
    assert_eq!(
        (&refused["errors"][0]["field"], &refused["errors"][0]["code"]),
        (&json!("profile.name"), &json!("missing"))
    );

    let ada = app.client();
    register(&ada, &json!({"name": "Ada"})).await;
    assert_eq!(ada.get("/name").await.expect(200).text(), "Ada");
    assert_eq!(ada.get("/name-if-any").await.expect(200).text(), "Ada");
    database::change(&app, "UPDATE account SET profile = NULL WHERE username = ?1", "ada");
    let _ = ada.get("/name").await.expect_problem(409, "profile_missing");
    assert_eq!(ada.get("/name-if-any").await.expect(200).text(), "stranger");
    assert_eq!(ada.get(MINE).await.expect(200).json(), Value::Null);
    assert_eq!(ada.get("/api/v1/users/me").await.expect(200).json()["profile"], Value::Null);
    let _ = app.client().get("/name-if-any").await.expect_problem(401, "not_authenticated");
    let _ = ada.put(MINE).json(&json!({"name": "Ada"})).await.expect(200);
    assert_eq!(ada.get("/name").await.expect(200).text(), "Ada");
}

#[tokio::test]
async fn a_type_that_reads_what_was_stored_shows_it_as_its_own() {
    let app = builder().profile::<First>().start().await;
    register(&app.client(), &json!({"colour": "red"})).await;
    let app = app.stop().await.profile::<Second>().start().await;
    let ada = app.client().logged_in("ada").await;
    let shown = json!({"display_colour": "red", "newsletter": true});
    assert_eq!(ada.get(MINE).await.expect(200).json(), shown);
    assert_eq!(ada.get("/api/v1/users/me").await.expect(200).json()["profile"], shown);
    let stored = database::text(&app, "SELECT profile FROM account");
    assert_eq!(stored, r#"{"colour":"red"}"#, "until it is written anew");
    let _ = ada.put(MINE).json(&shown).await.expect(200);
    let stored = database::text(&app, "SELECT profile FROM account");
    assert_eq!(stored, r#"{"display_colour":"red","newsletter":true}"#);
}

/// Nobody is kept from logging in by it, what is stored is not lost, and whoever writes it anew mends it.
#[tokio::test]
async fn a_stored_profile_that_fits_no_more_is_a_fault_of_ours_and_can_be_mended() {
    let app = builder().profile::<First>().start().await;
    register(&app.client(), &json!({"colour": "red"})).await;
    let app = app.stop().await.profile::<Strict>().start().await;
    let ada = app.client();
    assert_eq!(ada.log_in("ada", PASSWORD).await.expect(200).json()["profile"], Value::Null);
    for path in [MINE, "/name", "/name-if-any"] {
        let answer = ada.get(path).await.expect_problem(500, "internal");
        assert!(!answer.text().contains("red") && !answer.text().contains("Strict"), "{}", answer.text());
    }
    let export = ada.get("/api/users/export").await.expect(200).json();
    assert_eq!(export["account"]["profile"], json!({"colour": "red"}));
    let _ = ada.put(MINE).json(&json!({"name": "Ada"})).await.expect(200);
    assert_eq!(ada.get("/name").await.expect(200).text(), "Ada");
}

#[tokio::test]
async fn damage_is_shown_as_what_it_is() {
    let app = builder().profile::<First>().start().await;
    let ada = app.client();
    register(&ada, &json!({})).await;
    database::change(&app, "UPDATE account SET profile = '{\"colour\":' WHERE username = ?1", "ada");
    let _ = ada.get(MINE).await.expect_problem(500, "internal");
    let _ = ada.get("/colour").await.expect_problem(500, "internal");
    assert_eq!(ada.get("/api/v1/users/me").await.expect(200).json()["profile"], Value::Null);
    assert_eq!(ada.get("/api/users/export").await.expect(200).json()["account"]["profile"], "{\"colour\":");
}

async fn description(app: &TestApp) -> Value {
    app.client().get("/openapi.json").await.expect(200).json()
}

#[tokio::test]
async fn the_description_shows_the_type() {
    let described = |policy: &mut vestibule::http::policy::HttpPolicy| {
        policy.profile_schema = Some(ProfileSchema::of::<Strict>());
    };
    let app = builder().profile::<Strict>().http(described).start().await;
    let found = description(&app).await;
    let schemas = &found["components"]["schemas"];
    let reference = json!({"$ref": "#/components/schemas/Strict"});
    let or_null = json!({"oneOf": [{"type": "null"}, reference]});
    assert_eq!(schemas["Strict"]["properties"]["name"]["description"], "What to call them.");
    assert!(schemas["Link"]["properties"]["url"].is_object(), "what it is made of too");
    assert_eq!(schemas["Account"]["properties"]["profile"], or_null);
    for (body, is_required) in
        [("Account", true), ("RegisterBody", true), ("NewUserBody", true), ("UserPatch", false)]
    {
        let listed =
            schemas[body]["required"].as_array().is_some_and(|names| names.contains(&json!("profile")));
        assert_eq!(listed, is_required, "{body}");
    }
    for body in ["RegisterBody", "NewUserBody", "UserPatch"] {
        assert_eq!(schemas[body]["properties"]["profile"], reference, "{body}");
    }
    let path = &found["paths"]["/api/v1/users/{id}/profile"];
    let json_of = |part: &Value| part["content"]["application/json"]["schema"].clone();
    assert_eq!(json_of(&path["put"]["requestBody"]), reference);
    assert_eq!(json_of(&path["put"]["responses"]["200"]), reference);
    assert_eq!(json_of(&path["get"]["responses"]["200"]), or_null);
    for status in ["400", "401", "403", "404", "422"] {
        assert!(path["put"]["responses"][status].is_object(), "{status}");
    }
    assert!(
        schemas["Problem"]["properties"]["code"].get("enum").is_none(),
        "the application has codes of its own"
    );

    // Without a schema it is any object, which nobody must send where every member has a default.
    let app = builder().profile::<First>().start().await;
    let schemas = description(&app).await["components"]["schemas"].clone();
    assert_eq!(schemas["RegisterBody"]["properties"]["profile"], json!({"type": "object"}));
    assert!(!schemas["RegisterBody"]["required"].as_array().unwrap().contains(&json!("profile")));
    // And without profiles, nothing.
    let found = description(&builder().start().await).await;
    assert!(found["components"]["schemas"]["Account"]["properties"].get("profile").is_none());
    assert!(found["components"]["schemas"]["Problem"]["properties"]["code"]["enum"].is_array());
}
