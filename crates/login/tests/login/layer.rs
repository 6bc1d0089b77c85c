//! The layer that tells every route who is calling.

use axum::{Extension, Router, body::Body, routing::any};
use vestibule_login::{LoggedIn, LoginManager, RequestUser};

use super::app::{User, get, manager, name_of, send, with_token};

fn app(login: &LoginManager<User>, is_lenient: bool) -> Router {
    let layer = if is_lenient { login.layer().lenient() } else { login.layer() };
    Router::new()
        .route("/", any(async |Extension(RequestUser(user)): Extension<RequestUser<User>>| name_of(user)))
        .route("/required", any(async |LoggedIn(user): LoggedIn<User>| user.name))
        .fallback(async |Extension(RequestUser(user)): Extension<RequestUser<User>>| name_of(user))
        .layer(layer)
        .with_state(login.clone())
}

#[tokio::test]
async fn every_route_learns_who_is_calling_or_that_nobody_is() {
    let login = manager();
    let token = login.create_access_token("ada").unwrap();
    for (is_lenient, bad) in [(false, (401, "")), (true, (200, "(nobody)"))] {
        let app = app(&login, is_lenient);
        for path in ["/", "/unknown"] {
            assert_eq!(send(&app, with_token(path, token.expose())).await.body, "ada");
            assert_eq!(send(&app, get(path).body(Body::empty()).unwrap()).await.body, "(nobody)");
            let answer = send(&app, with_token(path, "a.b.c")).await;
            assert_eq!(answer.status, bad.0, "{path} {is_lenient}");
            assert!(bad.1.is_empty() || answer.body == bad.1);
        }
        // What the layer lets pass is still no login to a route that needs one.
        assert_eq!(send(&app, with_token("/required", "a.b.c")).await.status, 401);
        assert_eq!(send(&app, get("/required").body(Body::empty()).unwrap()).await.status, 401);
        assert_eq!(send(&app, with_token("/required", token.expose())).await.body, "ada");
    }
}
