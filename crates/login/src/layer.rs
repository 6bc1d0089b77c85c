//! A layer that finds out who is calling, for every route.

use axum::{
    body::Body,
    extract::State,
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{Request, request::Parts};
use tower::Layer;

use crate::{
    around::{Around, around},
    body::read_body,
    extract::User,
    location::{Found, Location},
    manager::LoginManager,
    refusal::Refusal,
};

/// Who is calling, as a request extension: the user, or nobody.
///
/// ```
/// use axum::{Extension, Router, routing::get};
/// use vestibule_login::{LoginManager, RequestUser};
///
/// async fn greet(Extension(RequestUser(name)): Extension<RequestUser<String>>) -> String {
///     format!("Hello, {}!", name.as_deref().unwrap_or("stranger"))
/// }
///
/// fn app(login: &LoginManager<String>) -> Router {
///     Router::new().route("/", get(greet)).layer(login.layer())
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestUser<U>(pub Option<U>);

/// Puts a [`RequestUser`] into the extensions of every request; made by [`LoginManager::layer`].
#[derive(Clone, Debug)]
pub struct LoginLayer<U> {
    manager: LoginManager<U>,
    is_lenient: bool,
}

impl<U> LoginManager<U> {
    /// A layer that puts a [`RequestUser`] into the extensions of every request, and reads tokens in JSON bodies for
    /// the extractors.
    ///
    /// A request without credentials has nobody; one with a bad token is answered with 401, and a failure with 5xx.
    #[must_use]
    pub fn layer(&self) -> LoginLayer<U> {
        LoginLayer { manager: self.clone(), is_lenient: false }
    }
}

impl<U> LoginLayer<U> {
    /// Takes a bad token as none; a failure is still a 5xx.
    #[must_use]
    pub fn lenient(mut self) -> Self {
        self.is_lenient = true;
        self
    }
}

impl<U: User, I> Layer<I> for LoginLayer<U> {
    type Service = Around<Self, I>;

    fn layer(&self, inner: I) -> Self::Service {
        around(self, |State(layer), request, next| Box::pin(layer.let_through(request, next)), inner)
    }
}

impl<U: User> LoginLayer<U> {
    async fn let_through(self, request: Request<Body>, next: Next) -> Response {
        match identify(&self.manager, request, self.is_lenient).await {
            Ok(request) => next.run(request).await,
            Err((refusal, parts)) => self.manager.reject(refusal, &parts).into_response(),
        }
    }
}

/// Finds out who is calling and writes it into the request.
async fn identify<U: User>(
    manager: &LoginManager<U>,
    request: Request<Body>,
    is_lenient: bool,
) -> Result<Request<Body>, (Refusal, Box<Parts>)> {
    let request = with_body_token(manager, request).await?;
    let (mut parts, body) = request.into_parts();
    let user = match manager.authenticate(&mut parts).await {
        Ok(login) => login.map(|login| login.user),
        Err(Refusal::InvalidToken(_)) if is_lenient => None,
        Err(refusal) => return Err((refusal, Box::new(parts))),
    };
    parts.extensions.insert(RequestUser(user));
    Ok(Request::from_parts(parts, body))
}

/// Reads the body where a token may be in it and no place before it holds one.
pub(crate) async fn with_body_token<U>(
    manager: &LoginManager<U>,
    request: Request<Body>,
) -> Result<Request<Body>, (Refusal, Box<Parts>)> {
    let (parts, body) = request.into_parts();
    let mut field = None;
    for location in manager.locations() {
        if let Location::Body(name) = location {
            field = Some(name.as_str());
            break;
        }
        if location.read(&parts) != Found::Nothing {
            break;
        }
    }
    let Some(field) = field else { return Ok(Request::from_parts(parts, body)) };
    let copy = copy_of(&parts);
    read_body(Request::from_parts(parts, body), field).await.map_err(|refusal| (refusal, Box::new(copy)))
}

/// What an answer needs of a request whose body has failed.
fn copy_of(parts: &Parts) -> Parts {
    let (mut copy, ()) = Request::new(()).into_parts();
    copy.method = parts.method.clone();
    copy.uri = parts.uri.clone();
    copy.headers = parts.headers.clone();
    copy.extensions = parts.extensions.clone();
    copy
}
