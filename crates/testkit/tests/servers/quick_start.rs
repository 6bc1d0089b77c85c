//! The quick start on PostgreSQL: two processes of one application.

use axum::{Router, body::Body, routing::get};
use http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;
use vestibule::{
    CurrentUser, QuickStartError, Vestibule, core::values::secret::SecretKey, hashing::HashingConfig,
};
use vestibule_testkit::servers::PostgresServer;

const SECRET: &[u8] = b"thirty-two bytes that nobody else knows";

async fn open(url: &str) -> Result<Vestibule, QuickStartError> {
    let builder = Vestibule::builder("http://127.0.0.1:3000").hashing(HashingConfig::cheap_for_tests());
    builder.open_postgres(url, SecretKey::parse(SECRET).unwrap()).await
}

fn router(vestibule: &Vestibule) -> Router {
    let hello = get(async |CurrentUser(account): CurrentUser| account.email.as_str().to_owned());
    let app = Router::new().route("/hello", hello).merge(vestibule.routes());
    vestibule.clone().into_router(app)
}

async fn send(router: &Router, request: Request<String>) -> (StatusCode, String) {
    let answer = router.clone().oneshot(request.map(Body::from)).await.unwrap();
    let status = answer.status();
    (status, String::from_utf8(answer.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap())
}

fn post(path: &str, token: &str, json: &str) -> Request<String> {
    let request = Request::post(path).header("content-type", "application/json");
    request.header("authorization", format!("Bearer {token}")).body(json.to_owned()).unwrap()
}

fn hello(token: &str) -> Request<String> {
    Request::get("/hello").header("authorization", format!("Bearer {token}")).body(String::new()).unwrap()
}

#[tokio::test]
async fn two_processes_of_one_application_share_a_database() {
    let database = PostgresServer::shared().fresh_database();
    let (here, there) = (open(&database.url()).await.unwrap(), open(&database.url()).await.unwrap());
    let (one, other) = (router(&here), router(&there));
    let json = r#"{"email":"ada@example.com","password":"correct horse battery"}"#;
    let made = send(
        &one,
        Request::post("/api/v1/users").header("content-type", "application/json").body(json.into()).unwrap(),
    );
    assert_eq!(made.await.0, StatusCode::CREATED);
    let form = "username=ada@example.com&password=correct+horse+battery".to_owned();
    let login = Request::post("/api/v1/login").header("content-type", "application/x-www-form-urlencoded");
    let (status, tokens) = send(&one, login.body(form).unwrap()).await;
    assert_eq!(status, StatusCode::OK, "{tokens}");
    let tokens: serde_json::Value = serde_json::from_str(&tokens).unwrap();
    let token = tokens["access_token"].as_str().unwrap();

    assert_eq!(send(&other, hello(token)).await, (StatusCode::OK, "ada@example.com".into()));
    assert_eq!(send(&one, post("/api/users/logout", token, "{}")).await.0, StatusCode::OK);
    assert_eq!(send(&one, hello(token)).await.0, StatusCode::UNAUTHORIZED);
    there.auth().catch_up().await.unwrap();
    assert_eq!(send(&other, hello(token)).await.0, StatusCode::UNAUTHORIZED);
    here.close().await;
    there.close().await;
}

#[tokio::test]
async fn what_is_wrong_with_a_database_is_a_sentence() {
    let malformed = open("postgres://127.0.0.1").await.unwrap_err();
    assert!(
        malformed.to_string().starts_with("the database URL is refused: it names no database"),
        "{malformed}"
    );
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let away = open(&format!("postgres://ada:hush@{nobody}/app")).await.unwrap_err();
    assert!(matches!(away, QuickStartError::OpenPostgres(_)), "{away}");
    assert!(!away.to_string().contains("hush"), "{away}");
}
