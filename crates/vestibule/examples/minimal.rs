//! The smallest login: a user of one's own and no database. `cargo run --example minimal`
use axum::{Form, Router, extract::State, http::StatusCode, response, routing};
use vestibule::{LoggedIn, LoginManager, TokenResponse, login::token::random::random_bytes};

#[derive(Clone)]
struct User(String);

#[derive(serde::Deserialize)]
struct Typed {
    username: String,
    password: String,
}

async fn find_user(name: String) -> Result<Option<User>, std::io::Error> {
    Ok((name == "ada").then_some(User(name))) // Yours are in a database,
}

type Login = State<LoginManager<User>>;
async fn log_in(State(login): Login, Form(typed): Form<Typed>) -> response::Result<TokenResponse> {
    if (&*typed.username, &*typed.password) != ("ada", "a quiet sentence") {
        return Err(StatusCode::UNAUTHORIZED.into()); // and their passwords hashed: see `cookie-redirect`.
    }
    Ok(TokenResponse::of(&login.create_access_token(typed.username)?))
}

async fn hello(LoggedIn(User(name)): LoggedIn<User>) -> String {
    format!("Hello, {name}!\n")
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let login = LoginManager::from_secret(random_bytes::<32>()).user_loader(find_user).build()?;
    let listen = std::env::var("LISTEN").unwrap_or("127.0.0.1:3000".into());
    let listener = tokio::net::TcpListener::bind(listen).await?;
    let at = format!("http://{}", listener.local_addr()?);
    println!("Try: curl -d 'username=ada&password=a quiet sentence' {at}/login");
    println!("and then: curl -H 'Authorization: Bearer …' {at}");
    let app = Router::new().route("/login", routing::post(log_in)).route("/", routing::get(hello));
    Ok(axum::serve(listener, app.with_state(login)).await?)
}
