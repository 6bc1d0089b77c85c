//! The routers in somebody else's application: under prefixes, in part, twice, and described beside its own.

use std::{collections::HashSet, sync::Arc};

use axum::Router;
use serde_json::{Value, json};
use vestibule::core::ports::store::prelude::*;
use vestibule::http::{
    docs::docs_routes,
    layers::with_policy,
    routes::{Route, account_routes, all_routes, password_login_routes},
    utoipa::{self, OpenApi as _},
    utoipa_axum::{router::OpenApiRouter, routes},
};
use vestibule_testkit::{Client, TestApp};

use super::{openapi::operations, profile::Profile};

const ORIGIN: &str = "http://127.0.0.1:8000";

/// An application's own description; its schema has the name of one of ours.
#[derive(utoipa::OpenApi)]
#[openapi(
    info(title = "Shop", version = "7"),
    tags((name = "goods", description = "What is for sale.")),
    security(("OAuth2PasswordBearer" = []))
)]
struct Shop;

#[derive(utoipa::ToSchema)]
#[expect(dead_code, reason = "described only")]
struct Account {
    iban: String,
}

/// What is for sale.
#[utoipa::path(get, path = "/goods", tag = "goods", responses((status = 200, description = "Tea.", body = Account)))]
async fn goods() -> &'static str {
    "tea"
}

fn client(app: &TestApp, router: Router) -> Client {
    Client::of(with_policy(router, Arc::clone(app.state().http())), ORIGIN)
}

/// What a validator finds first: names used twice or nowhere defined.
fn assert_valid(description: &Value) {
    let known = |kind: &str| -> HashSet<&String> {
        description["components"][kind].as_object().into_iter().flatten().map(|(name, _)| name).collect()
    };
    let (schemas, logins) = (known("schemas"), known("securitySchemes"));
    let tags: Vec<_> =
        description["tags"].as_array().unwrap().iter().map(|tag| tag["name"].as_str()).collect();
    assert_eq!(tags.len(), tags.iter().collect::<HashSet<_>>().len(), "{tags:?}");
    let mut ids = HashSet::new();
    for (method, path, operation) in operations(description) {
        let name = format!("{method} {path}");
        assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{name}");
        for tag in operation["tags"].as_array().unwrap() {
            assert!(tags.contains(&tag.as_str()), "{name} {tag}");
        }
        for requirement in operation["security"].as_array().into_iter().flatten() {
            assert!(requirement.as_object().unwrap().keys().all(|scheme| logins.contains(scheme)), "{name}");
        }
        for parameter in path.split('{').skip(1).map(|rest| rest.split('}').next().unwrap()) {
            let parameters = operation["parameters"].as_array().unwrap();
            let is_it = |one: &Value| one["name"] == parameter && one["in"] == "path";
            assert!(parameters.iter().any(is_it), "{name} {parameter}");
        }
    }
    let mut open = vec![description];
    while let Some(value) = open.pop() {
        if let Some(reference) = value["$ref"].as_str() {
            let schema = reference.strip_prefix("#/components/schemas/").unwrap();
            assert!(schemas.contains(&schema.to_owned()), "{reference}");
        }
        open.extend(value.as_object().into_iter().flatten().map(|(_, member)| member));
        open.extend(value.as_array().into_iter().flatten());
    }
}

fn token_url<'a>(description: &'a Value, scheme: &str) -> &'a Value {
    &description["components"]["securitySchemes"][scheme]["flows"]["password"]["tokenUrl"]
}

#[tokio::test]
async fn everything_works_under_a_prefix() {
    let app = TestApp::builder().mounted_at("/auth").start().await;
    let ada = app.client().registered("ada").await;
    assert_eq!(ada.get("/auth/api/v1/users/me").await.expect(200).json()["username"], "ada");
    let _ = ada.get("/api/v1/users/me").await.expect_problem(404, "not_found");
    let _ = app.client().tokens("ada").await;

    // The mailed link is a page under the prefix, whose form and style are there too.
    let letter = app.mails().await.remove(0);
    let link = letter.links.iter().find(|link| link.contains("/confirm/")).unwrap();
    let path = link.strip_prefix(ORIGIN).unwrap();
    assert!(path.starts_with("/auth/confirm/"), "{link}");
    let page = app.client().get(path).await.expect(200).text();
    assert!(page.contains("href=\"../pages/style.css\"") && !page.contains("action="), "{page}");
    let _ = app.client().get("/auth/pages/style.css").await.expect(200);
    let _ = app.client().post(path).form(&[]).await.expect(200);
    assert_eq!(ada.get("/auth/api/users/confirm").await.json()["confirmed"], true);

    // Cookies are the whole origin's: the application's own routes need them.
    let answer = app.client().log_in("ada", vestibule_testkit::PASSWORD).await.expect(200);
    assert!(answer.cookie("access_token").unwrap().attributes.contains(&"Path=/".to_owned()));

    let led = app.client().get("/auth/.well-known/change-password").await.expect(303);
    assert_eq!(led.header("location"), Some("/auth/docs/#/account"));
    assert_eq!(app.client().get("/auth/docs").await.header("location"), Some("/auth/docs/"));
    let script = app.client().get("/auth/docs/swagger-initializer.js").await.expect(200).text();
    assert!(script.contains("\"../openapi.json\""), "{script}");
}

#[tokio::test]
async fn the_description_is_merged_into_the_applications_own() {
    let app = TestApp::start().await;
    let shop = OpenApiRouter::with_openapi(Shop::openapi()).routes(routes!(goods));
    let (router, description) =
        shop.nest("/auth", all_routes(app.state()).named("auth").into()).split_for_parts();
    let client = client(&app, router.merge(docs_routes(description)));
    let merged = client.get("/openapi.json").await.expect(200).json();
    assert_valid(&merged);
    assert_eq!(merged["info"]["title"], "Shop");
    let tags: Vec<_> = merged["tags"].as_array().unwrap().iter().map(|tag| tag["name"].clone()).collect();
    assert_eq!(
        tags,
        ["goods", "auth password login", "auth account", "auth users", "auth administration", "auth service"]
    );
    // Neither takes the other's place.
    let schemas = &merged["components"]["schemas"];
    assert!(schemas["Account"]["properties"]["iban"].is_object());
    assert!(schemas["auth.Account"]["properties"]["email"].is_object());
    let me = &merged["paths"]["/auth/api/v1/users/me"]["get"];
    assert_eq!(
        me["responses"]["200"]["content"]["application/json"]["schema"]["$ref"],
        "#/components/schemas/auth.Account"
    );
    // What is the application's is described as it wrote it.
    let own = merged["paths"]["/goods"]["get"]["responses"].as_object().unwrap();
    assert_eq!(own.keys().collect::<Vec<_>>(), ["200"]);

    // Authorize asks where tokens are issued, and that works.
    let url = token_url(&merged, "auth.OAuth2PasswordBearer").as_str().unwrap().to_owned();
    assert_eq!(url, "/auth/api/v1/token");
    let client = client.under("/auth").registered("ada").await;
    let form = [("username", "ada"), ("password", vestibule_testkit::PASSWORD)];
    let _ = client.post(&url).form(&form).await.expect(200);
}

#[tokio::test]
async fn names_that_clash_with_nothing_stay_as_they_are() {
    let app = TestApp::start().await;
    let auth = account_routes(app.state()).merge(password_login_routes(app.state()).under("/v1"));
    let (_, description) =
        OpenApiRouter::<()>::with_openapi(Shop::openapi()).nest("/id", auth.into()).split_for_parts();
    let client = client(&app, docs_routes(description));
    let merged = client.get("/openapi.json").await.expect(200).json();
    assert_valid(&merged);
    assert_eq!(token_url(&merged, "OAuth2PasswordBearer"), "/id/v1/token");
    assert_eq!(merged["components"]["securitySchemes"].as_object().unwrap().len(), 2);
    assert!(merged["paths"]["/id/register"]["post"]["tags"] == json!(["account"]));
}

#[tokio::test]
async fn a_route_that_is_left_out_is_neither_there_nor_described() {
    for route in Route::ALL {
        let app = TestApp::builder().profile::<Profile>().without(*route).start().await;
        let whole = super::openapi::of(&TestApp::builder().profile::<Profile>().start().await).await;
        let described = super::openapi::of(&app).await;
        assert_valid(&described);
        let missing: Vec<_> = operations(&whole)
            .filter(|(_, _, operation)| operation["operationId"] == route.operation_id())
            .map(|(method, path, _)| (method, path.clone()))
            .collect();
        let [(method, path)] = &missing[..] else { panic!("{route:?}") };
        assert_eq!(operations(&described).count() + 1, operations(&whole).count(), "{route:?}");
        let is_shared = described["paths"][path].is_object();
        // `{id}` is a path of administrators, and takes every name there.
        let rest = ["/api/users/", "/api/v1/users/"].iter().find_map(|users| path.strip_prefix(users));
        let is_id = rest.is_some_and(|rest| !rest.contains('/') && rest != "{id}");
        let expected = match method.as_str() {
            _ if is_shared => 405,
            "GET" if is_id => 401,
            _ if is_id => 405,
            _ => 404,
        };
        let method = http::Method::from_bytes(method.as_bytes()).unwrap();
        let path = path.replace("{id}", "x").replace("{token}", "x");
        let answer = app.client().request(method, &path).await;
        assert_eq!(answer.status, expected, "{route:?} {}", answer.text());
        let scheme = &described["components"]["securitySchemes"]["OAuth2PasswordBearer"];
        let expected = if *route == Route::IssueTokens { "/api/v1/login" } else { "/api/v1/token" };
        assert_eq!(scheme["flows"]["password"]["tokenUrl"], expected);
    }
}

#[tokio::test]
async fn registration_left_out_is_not_to_be_had() {
    let app = TestApp::builder().without(Route::Register).without(Route::CreateUser).start().await;
    let body = json!({"email": "a@b.example", "password": "correct horse battery"});
    let _ =
        app.client().post("/api/users/register").json(&body).await.expect_problem(405, "method_not_allowed");
    let accounts = client(&app, account_routes(app.state()).without(Route::Register).into());
    let _ = accounts.post("/register").json(&body).await.expect_problem(404, "not_found");
    let _ = app.client().post("/api/v1/users").json(&body).await.expect_problem(405, "method_not_allowed");
    assert!(app.store().list_accounts(0, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn without_a_place_that_issues_tokens_authorize_takes_one() {
    let app = TestApp::start().await;
    let description = OpenApiRouter::<()>::from(account_routes(app.state())).into_openapi();
    let description = serde_json::to_value(description).unwrap();
    assert_valid(&description);
    let scheme = &description["components"]["securitySchemes"]["OAuth2PasswordBearer"];
    assert_eq!(*scheme, json!({"type": "http", "scheme": "bearer"}));
    let only = account_routes(app.state()).only([Route::LogIn, Route::LogOut]);
    assert_eq!(only.list().collect::<Vec<_>>(), [Route::LogIn, Route::LogOut]);
}

#[tokio::test]
async fn two_engines_in_one_application_share_nothing() {
    let staff = TestApp::builder().http(|http| http.cookies.label = Some("staff")).start().await;
    let guests = TestApp::start().await;
    let routers = OpenApiRouter::new()
        .nest("/staff", all_routes(staff.state()).named("staff").into())
        .nest("/guests", all_routes(guests.state()).named("guests").into());
    let (router, description) = routers.split_for_parts();
    let client = client(&guests, router.merge(docs_routes(description)));
    let described = client.get("/openapi.json").await.expect(200).json();
    assert_valid(&described);
    assert_eq!(token_url(&described, "staff.OAuth2PasswordBearer"), "/staff/api/v1/token");
    assert_eq!(token_url(&described, "guests.OAuth2PasswordBearer"), "/guests/api/v1/token");
    assert_eq!(described["components"]["securitySchemes"]["staff.cookie"]["name"], "staff_access_token");

    // One browser, logged in to both as two people.
    let browser = client.clone().under("/staff").registered("ada").await;
    let browser = browser.under("/guests").registered("bob").await;
    assert_eq!(browser.get("/staff/api/v1/users/me").await.expect(200).json()["username"], "ada");
    assert_eq!(browser.get("/guests/api/v1/users/me").await.expect(200).json()["username"], "bob");
    let _ = browser.post("/guests/api/users/logout").await.expect(200);
    let _ = browser.get("/guests/api/v1/users/me").await.expect_problem(401, "not_authenticated");
    let _ = browser.get("/staff/api/v1/users/me").await.expect(200);

    // A token of the one is none of the other.
    let token = client.clone().under("/staff").tokens("ada").await.access;
    let _ =
        client.with_bearer(&token).get("/guests/api/v1/users/me").await.expect_problem(401, "invalid_token");
}

#[tokio::test]
async fn one_engine_stands_under_two_prefixes() {
    let app = TestApp::start().await;
    let router = Router::new()
        .nest("/v1", all_routes(app.state()).into())
        .nest("/v2", all_routes(app.state()).without(Route::CreateUser).into());
    let client = client(&app, router).under("/v1").registered("ada").await;
    for prefix in ["/v1", "/v2"] {
        let _ = client.get(&format!("{prefix}/api/v1/users/me")).await.expect(200);
    }
}
