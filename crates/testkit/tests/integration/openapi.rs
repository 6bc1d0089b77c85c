//! `/openapi.json` and `/docs`.

use http::StatusCode;
use serde_json::{Value, json};
use vestibule_testkit::{Answer, TestApp, faults::Fault};

use super::{
    faults::{CASES, Stage},
    guard::{Body, ROUTES},
};

/// The description as it is served.
pub(super) async fn of(app: &TestApp) -> Value {
    app.client().get("/openapi.json").await.expect(200).json()
}

/// Every operation: its method in upper case, its path, and itself.
pub(super) fn operations(description: &Value) -> impl Iterator<Item = (String, &String, &Value)> {
    let paths = description["paths"].as_object().unwrap();
    paths.iter().flat_map(|(path, item)| {
        let operations = item.as_object().unwrap().iter();
        operations.map(move |(method, operation)| (method.to_uppercase(), path, operation))
    })
}

/// After a change that is meant: `INSTA_UPDATE=always cargo test -p vestibule-testkit openapi`.
#[tokio::test]
async fn the_description_is_what_clients_rely_on() {
    let mut description = of(&TestApp::start().await).await;
    description["info"]["version"] = Value::from("[version]");
    insta::assert_json_snapshot!("openapi", description);
}

#[tokio::test]
async fn it_is_the_same_with_and_without_an_engine() {
    let app = TestApp::start().await;
    let rendered = vestibule::http::routes::describe(app.state().http().cookies).to_json().unwrap();
    assert_eq!(serde_json::from_str::<Value>(&rendered).unwrap(), of(&app).await);
}

#[tokio::test]
async fn every_operation_is_described_in_full() {
    let description = of(&TestApp::start().await).await;
    let tags: Vec<_> = description["tags"].as_array().unwrap().iter().map(|tag| &tag["name"]).collect();
    let mut ids = std::collections::HashSet::new();
    for (method, path, operation) in operations(&description) {
        let name = format!("{method} {path}");
        assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{name}");
        assert!(!operation["summary"].as_str().unwrap().is_empty(), "{name}");
        let own: Vec<_> = operation["tags"].as_array().unwrap().iter().collect();
        assert!(own.len() == 1 && tags.contains(&own[0]), "{name}");
        let responses = operation["responses"].as_object().unwrap();
        let mut has_success = false;
        for (status, response) in responses {
            assert!(!response["description"].as_str().unwrap().is_empty(), "{name} {status}");
            let status: u16 = status.parse().unwrap();
            has_success |= status < 400;
            let content = &response["content"];
            match status {
                204 | 300..400 => {}
                200..300 => {
                    let content = content.as_object().unwrap();
                    let is_picture = content.keys().all(|kind| kind.starts_with("image/"));
                    let is_described = content.values().all(|media| media["schema"].is_object());
                    assert!(
                        is_described && (is_picture || content.contains_key("application/json")),
                        "{name}"
                    );
                }
                _ => {
                    let schema = &content["application/problem+json"]["schema"]["$ref"];
                    assert_eq!(schema, "#/components/schemas/Problem", "{name} {status}");
                }
            }
        }
        assert!(has_success, "{name}");
    }
}

#[tokio::test]
async fn security_stands_where_a_login_is_needed() {
    let description = of(&TestApp::start().await).await;
    let schemes = description["components"]["securitySchemes"].as_object().unwrap();
    for (method, path, operation) in operations(&description) {
        let row = ROUTES.iter().find(|row| row.method == method && row.path == path).unwrap();
        let needs_login = row.needs_login();
        let named = operation["security"].as_array();
        // An empty requirement says that a login may come along and need not.
        let is_optional = named.is_some_and(|named| named.contains(&json!({})));
        assert_eq!(named.is_some() && !is_optional, needs_login, "{method} {path}");
        if needs_login {
            assert!(operation["responses"]["401"].is_object(), "{method} {path}");
            let named = operation["security"].as_array().unwrap().iter();
            let mut named: Vec<_> = named.flat_map(|one| one.as_object().unwrap().keys()).collect();
            named.sort_unstable();
            assert_eq!(named, schemes.keys().collect::<Vec<_>>(), "{method} {path}");
        }
    }
    let flow = &schemes["OAuth2PasswordBearer"]["flows"]["password"];
    assert_eq!(flow["tokenUrl"], "/api/v1/token");
}

#[tokio::test]
async fn bodies_are_described_as_the_table_says() {
    let description = of(&TestApp::start().await).await;
    for (method, path, operation) in operations(&description) {
        let row = ROUTES.iter().find(|row| row.method == method && row.path == path).unwrap();
        let body = &operation["requestBody"];
        let (media_types, required, optional) = match row.body {
            Body::None => {
                assert!(body.is_null(), "{method} {path}");
                continue;
            }
            Body::File => (&["multipart/form-data"][..], &["file"][..], &[][..]),
            Body::Json { required, optional, .. } | Body::Mixed { required, optional } => {
                (&["application/json"][..], required, optional)
            }
            Body::Form { required, optional } => {
                (&["application/x-www-form-urlencoded", "multipart/form-data"][..], required, optional)
            }
        };
        let content = body["content"].as_object().unwrap();
        assert_eq!(content.keys().collect::<Vec<_>>(), media_types, "{method} {path}");
        for media in content.values() {
            let fields = fields(&description, &media["schema"]);
            let mut expected: Vec<_> = required.iter().chain(optional).copied().collect();
            expected.sort_unstable();
            assert_eq!(fields, expected, "{method} {path}");
        }
    }
}

/// The members of an object's schema, through references and alternatives.
fn fields(description: &Value, schema: &Value) -> Vec<String> {
    if let Some(reference) = schema["$ref"].as_str() {
        let pointer = reference.strip_prefix('#').unwrap();
        return fields(description, description.pointer(pointer).unwrap());
    }
    for alternatives in ["oneOf", "anyOf", "allOf"] {
        if let Some(alternatives) = schema[alternatives].as_array() {
            return alternatives.iter().flat_map(|schema| fields(description, schema)).collect();
        }
    }
    let mut names: Vec<_> =
        schema["properties"].as_object().map(|members| members.keys().cloned().collect()).unwrap_or_default();
    names.sort_unstable();
    names
}

/// That an answer is described: its status, its media type, and for JSON the members it has.
#[track_caller]
fn assert_described(description: &Value, method: &str, path: &str, answer: &Answer) {
    let operation = &description["paths"][path][method.to_lowercase()];
    let response = &operation["responses"][answer.status.as_str()];
    assert!(response.is_object(), "{method} {path} does not describe {}", answer.text());
    if answer.status == StatusCode::SEE_OTHER || answer.status == StatusCode::NO_CONTENT {
        return;
    }
    let media_type = answer.header("content-type").unwrap();
    let schema = &response["content"][media_type]["schema"];
    assert!(schema.is_object(), "{method} {path} does not describe {media_type}");
    // A picture has no members.
    if media_type.starts_with("image/") {
        return;
    }
    let (schema, body) = match answer.json() {
        Value::Array(items) => (&schema["items"], items.first().cloned().unwrap_or_default()),
        body => (schema, body),
    };
    let Value::Object(members) = body else { return };
    let described = fields(description, schema);
    for member in members.keys() {
        assert!(described.contains(member), "{method} {path} does not describe {member}");
    }
    let pointer = schema["$ref"].as_str().unwrap_or("#").strip_prefix('#').unwrap();
    let schema = if pointer.is_empty() { schema } else { description.pointer(pointer).unwrap() };
    for required in schema["required"].as_array().unwrap() {
        assert!(members.contains_key(required.as_str().unwrap()), "{method} {path} lacks {required}");
    }
}

#[tokio::test]
async fn every_answer_is_described() {
    let description = of(&TestApp::start().await).await;
    for (method, path, request) in CASES {
        let stage = Stage::set().await;
        let request_in_outage = request(&stage);
        assert_described(&description, method, path, &request(&stage).await);
        if *path != "/health/live" {
            stage.app.store().fail_all(Fault::Before);
            let answer = request_in_outage.await;
            assert_described(&description, method, path, &answer);
        }
    }
    let app = TestApp::builder().policy(|policy| policy.throttle.login_attempts = 1).start().await;
    let ada = app.client().registered("ada").await;
    for route in ROUTES {
        let check = |answer: Answer| assert_described(&description, route.method, route.path, &answer);
        check(route.request(&app.client()).await);
        check(route.request(&ada.copy()).header("origin", "https://evil.example").await);
        check(route.request(&ada.copy()).header("authorization", "Bearer x").await);
        if route.body != Body::None {
            check(route.request(&ada.copy()).body("x".repeat(70_000)).await);
            for body in [json!({}), json!({"username": 1, "login": 1, "email": 1})] {
                check(route.request(&app.client()).json(&body).await);
            }
            check(route.request(&app.client()).header("content-type", "application/json").body("{").await);
            check(route.request(&app.client()).form(&[("a", "1"), ("a", "2")]).await);
        }
    }
    for (path, body) in [
        (
            "/api/users/register",
            json!({"email": "a@b.example", "username": "ada", "password1": "12345678", "password2": "12345678"}),
        ),
        ("/api/v1/users", json!({"email": "a@b.example", "username": "ada", "password": "12345678"})),
        ("/api/users/login", json!({"login": "ada", "password": "wrong"})),
        ("/api/users/login", json!({"login": "ada", "password": "wrong"})),
    ] {
        assert_described(&description, "POST", path, &app.client().post(path).json(&body).await);
    }
}

#[tokio::test]
async fn every_reference_leads_somewhere() {
    let description = of(&TestApp::start().await).await;
    let mut open = vec![&description];
    while let Some(value) = open.pop() {
        match value {
            Value::Object(members) => {
                if let Some(reference) = members.get("$ref").and_then(Value::as_str) {
                    let pointer = reference.strip_prefix('#').unwrap();
                    assert!(description.pointer(pointer).is_some(), "{reference}");
                }
                open.extend(members.values());
            }
            Value::Array(values) => open.extend(values),
            _ => {}
        }
    }
}

#[tokio::test]
async fn the_cookie_is_named_as_it_is_sent() {
    for (url, name) in
        [("http://127.0.0.1:8000", "access_token"), ("https://id.example.org", "__Host-access_token")]
    {
        let app = TestApp::builder_at(url).start().await;
        assert_eq!(of(&app).await["components"]["securitySchemes"]["cookie"]["name"], name);
    }
}

#[tokio::test]
async fn the_documentation_is_a_page() {
    let app = TestApp::start().await;
    let redirect = app.client().get("/docs").await;
    assert!(redirect.status.is_redirection());
    let page = app.client().get("/docs/").await.expect(200);
    assert!(page.header("content-type").unwrap().starts_with("text/html"));
    let _ = app.client().get("/docs/nothing.js").await.expect_problem(404, "not_found");
}
