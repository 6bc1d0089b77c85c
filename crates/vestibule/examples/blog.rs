//! A blog: users with pen names, posts by slug, rules of who edits and deletes them, a list to read and one description of
//! it all.
//!
//! `cargo run --example blog`, then open what it prints. It listens on `LISTEN` (default `127.0.0.1:3000`) and keeps users
//! and posts in the folder `DATA_DIR`; without that, in a temporary one that goes with it.

#[path = "blog/posts.rs"]
mod posts;
#[path = "blog/profile.rs"]
mod profile;

use std::{env, error::Error, sync::Arc};

use axum::{
    Router,
    extract::{FromRef, State},
    response::Html,
    routing::get,
};
use tokio::net::TcpListener;
use vestibule::{
    Vestibule,
    http::{
        docs::docs_routes,
        layers::with_policy,
        pages,
        routes::{Route, password_login_routes, users_routes},
        state::AuthState,
        utoipa::{self, OpenApi as _},
        utoipa_axum::{router::OpenApiRouter, routes},
    },
};

use crate::{posts::Posts, profile::Profile};

#[derive(utoipa::OpenApi)]
#[openapi(
    info(title = "Blog", version = "1.0", description = "Posts, and who writes them."),
    tags(
        (name = "blogs", description = "Posts."),
        (name = "users", description = "Who writes them."),
        (name = "auth", description = "Tokens.")
    )
)]
struct Description;

/// What every handler can have.
#[derive(Clone)]
struct App {
    vestibule: Vestibule,
    posts: Arc<Posts>,
}

impl FromRef<App> for AuthState {
    fn from_ref(app: &App) -> Self {
        app.vestibule.state().clone()
    }
}

impl FromRef<App> for Arc<Posts> {
    fn from_ref(app: &App) -> Self {
        Self::clone(&app.posts)
    }
}

fn router(app: App) -> Router {
    let state = app.vestibule.state();
    let tokens = password_login_routes(state).only([Route::IssueTokens]).tagged("auth");
    let users = users_routes(state).tagged("users").under("/users");
    let (router, description) = OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(posts::list, posts::write))
        .routes(routes!(posts::read, posts::edit, posts::delete))
        .merge(tokens.into())
        .merge(users.into())
        .split_for_parts();
    let policy = Arc::clone(state.http());
    with_policy(router.route("/", get(front)).merge(docs_routes(description)).with_state(app), policy)
}

/// The list, as people read it.
async fn front(State(posts): State<Arc<Posts>>) -> Html<String> {
    let mut page = pages::Html::default()
        .raw("<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Blog</title><h1>Blog</h1><ul>");
    for post in posts.all() {
        page = page
            .element("<li><a href=\"/blogs/", &post.slug, "\">")
            .element("", &post.title, "</a> by ")
            .element("", &post.author, "</li>");
    }
    Html(page.raw("</ul></html>").into_string())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let listen = env::var("LISTEN").unwrap_or_else(|_| "127.0.0.1:3000".into());
    let temporary = tempfile::tempdir()?;
    let folder = env::var_os("DATA_DIR").map_or_else(|| temporary.path().to_owned(), Into::into);
    let listener = TcpListener::bind(&listen).await?;
    let url = format!("http://{}", listener.local_addr()?);
    let vestibule = Vestibule::builder(&url).described_profile::<Profile>().open(&folder).await?;
    let posts = Posts::open(folder.join("posts.json"), posts::rules()?)?;
    let app = App { vestibule: vestibule.clone(), posts: Arc::new(posts) };

    println!("The blog is at {url}, its documentation at {url}/docs. Try:");
    println!(
        "  curl {url}/users --json '{{\"email\":\"ada@example.com\",\"password\":\"correct horse battery\"}}'"
    );
    println!("  curl {url}/token -d username=ada@example.com -d 'password=correct horse battery'");
    println!(
        "  curl -X PUT {url}/users/me/profile -H 'Authorization: Bearer …' --json '{{\"pen_name\":\"The Countess\"}}'"
    );
    println!(
        "  curl {url}/blogs -H 'Authorization: Bearer …' --json '{{\"slug\":\"hello\",\"title\":\"Hello\",\"body\":\"…\"}}'"
    );
    let service = router(app).into_make_service_with_connect_info::<std::net::SocketAddr>();
    axum::serve(listener, service)
        .with_graceful_shutdown(async { drop(tokio::signal::ctrl_c().await) })
        .await?;
    vestibule.close().await;
    Ok(())
}
