//! A login page with a form, a cookie, a redirect to where one wanted to go, and a logout, for users of one's own. Nothing
//! but `LoginManager` and the hashing threads. `cargo run --example cookie-redirect`

use std::{collections::HashMap, env, error::Error, io, sync::Arc};

use axum::{
    Form, Router,
    extract::{FromRef, OriginalUri, State},
    http::{HeaderMap, StatusCode},
    response::{self, Html, IntoResponse, Redirect, Response},
    routing::{get, post},
};
use serde::Deserialize;
use tokio::net::TcpListener;
use vestibule::{
    Answer, Location, LoggedIn, LoginManager, Next, NotForeign,
    core::{
        ports::{PasswordHasher, Verification},
        values::{
            client::ClientNetwork,
            password::{Password, PasswordHash},
        },
    },
    hashing::{HashingConfig, HashingPool},
};

/// The table of users; an application has a database.
type Users = Arc<HashMap<String, PasswordHash>>;

#[derive(Clone)]
struct App {
    users: Users,
    hashing: Arc<HashingPool>,
    login: LoginManager<User>,
}

/// This is all that the extractors ask for.
impl FromRef<App> for LoginManager<User> {
    fn from_ref(app: &App) -> Self {
        app.login.clone()
    }
}

#[derive(Clone)]
struct User {
    name: String,
}

async fn home(user: Option<LoggedIn<User>>) -> Html<String> {
    Html(match user {
        Some(LoggedIn(user)) => page(&format!(
            "<p>You are {}.</p><p><a href=/diary>Your diary</a></p>\
             <form method=post action=/logout><button>Log out</button></form>",
            user.name
        )),
        None => page("<p>Nobody is logged in.</p><p><a href=/diary>The diary</a> asks you to.</p>"),
    })
}

/// Whoever is not logged in is sent to `/login?next=%2Fdiary`.
async fn diary(LoggedIn(user): LoggedIn<User>) -> Html<String> {
    Html(page(&format!("<p>The diary of {}: nothing yet.</p><p><a href=/>Home</a></p>", user.name)))
}

async fn login_page(OriginalUri(uri): OriginalUri) -> Html<String> {
    Html(form(uri.query(), ""))
}

#[derive(Deserialize)]
struct Typed {
    username: String,
    password: String,
}

/// `next` can be nothing but a place of this application, whatever the query says.
async fn log_in(
    _: NotForeign<User>,
    State(app): State<App>,
    OriginalUri(uri): OriginalUri,
    next: Next,
    Form(typed): Form<Typed>,
) -> response::Result<Response> {
    let hash = app.users.get(&typed.username).cloned();
    // An unknown name costs what a wrong password costs.
    let verified = app.hashing.verify(hash, Password::new(&typed.password), ClientNetwork::LOCAL).await;
    if verified.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)? == Verification::Wrong {
        let page = Html(form(uri.query(), "<p role=alert>That is not right.</p>"));
        return Ok((StatusCode::UNAUTHORIZED, page).into_response());
    }
    let token = app.login.create_access_token(typed.username)?;
    let mut headers = HeaderMap::new();
    app.login.set_cookie(&mut headers, &token)?;
    Ok((headers, Redirect::to(next.as_str())).into_response())
}

async fn log_out(_: NotForeign<User>, State(app): State<App>) -> response::Result<Response> {
    let mut headers = HeaderMap::new();
    app.login.delete_cookie(&mut headers)?;
    Ok((headers, Redirect::to("/")).into_response())
}

/// The form posts to the address it came from, `next` and all; the browser has escaped that already, and what it has not
/// is left away.
fn form(query: Option<&str>, message: &str) -> String {
    let is_harmless =
        |query: &&str| query.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"%=-._~".contains(&byte));
    let action = query.filter(is_harmless).map_or("/login".into(), |query| format!("/login?{query}"));
    page(&format!(
        "{message}<form method=post action=\"{action}\">\
         <p><label>Name <input name=username autocomplete=username required></label>\
         <p><label>Password <input name=password type=password autocomplete=current-password required></label>\
         <p><button>Log in</button></form>"
    ))
}

fn page(content: &str) -> String {
    format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\">\
         <title>Diary</title><h1>Diary</h1>{content}"
    )
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind(env::var("LISTEN").unwrap_or("127.0.0.1:3000".into())).await?;
    let url = format!("http://{}", listener.local_addr()?);
    let hashing = Arc::new(HashingPool::start(HashingConfig::default())?);
    let hash = hashing.hash(Password::new("a quiet sentence"), ClientNetwork::LOCAL).await?;
    let users: Users = Arc::new(HashMap::from([("ada".to_owned(), hash)]));
    // A secret of its own at every start logs everybody out; keep yours.
    let login = LoginManager::from_secret(vestibule::login::token::random::random_bytes::<32>())
        .public_url(&url)
        .locations([Location::Cookie("diary".into())])
        .unauthenticated(Answer::redirect("/login"))
        .user_loader_with(Arc::clone(&users), async |users: Users, name: String| {
            Ok::<_, io::Error>(users.contains_key(&name).then_some(User { name }))
        })
        .build()?;
    let app = Router::new()
        .route("/", get(home))
        .route("/diary", get(diary))
        .route("/login", get(login_page).post(log_in))
        .route("/logout", post(log_out))
        .with_state(App { users, hashing, login });
    println!("Open {url}/diary and log in as ada with the password: a quiet sentence");
    axum::serve(listener, app).await?;
    Ok(())
}
