//! The layer around a guarded router: decides by the route that matched, before a handler is called.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{MatchedPath, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{Method, Request, request::Parts};

use super::{Policies, Policy, Requirement};
use crate::{
    extract::User,
    layer::{RequestUser, with_body_token},
    manager::LoginManager,
    refusal::Refusal,
};

/// Decides by the route that matched.
pub(super) struct Guard<U> {
    pub(super) login: LoginManager<U>,
    pub(super) policies: Arc<Policies<U>>,
}

impl<U> Clone for Guard<U> {
    fn clone(&self) -> Self {
        Self { login: self.login.clone(), policies: Arc::clone(&self.policies) }
    }
}

impl<U: User> Guard<U> {
    /// `None` for a method that a route has not got, and for routes that were made elsewhere.
    fn policy(&self, parts: &Parts) -> Option<&Policy<U>> {
        let Policies { routes, fallback } = &*self.policies;
        let Some(path) = parts.extensions.get::<MatchedPath>() else { return Some(fallback) };
        let path = path.as_str().to_owned();
        let policy = routes.get(&(parts.method.clone(), path.clone()));
        // RFC 9110 §9.3.2: axum answers HEAD with the route for GET.
        policy.or_else(|| {
            let is_head = parts.method == Method::HEAD;
            is_head.then(|| routes.get(&(Method::GET, path))).flatten()
        })
    }

    async fn check(&self, request: Request<Body>) -> Result<Request<Body>, (Refusal, Box<Parts>)> {
        let request = with_body_token(&self.login, request).await?;
        let (mut parts, body) = request.into_parts();
        let user = match self.decide(&mut parts).await {
            Ok(user) => user,
            Err(refusal) => return Err((refusal, Box::new(parts))),
        };
        if let Some(user) = user {
            parts.extensions.insert(user);
        }
        Ok(Request::from_parts(parts, body))
    }

    async fn decide(&self, parts: &mut Parts) -> Result<Option<RequestUser<U>>, Refusal> {
        let nothing = Requirement::login();
        let requirement = match self.policy(parts) {
            // Who is calling a public route is asked by its handler, if it wants to know.
            Some(Policy::Public) => return Ok(None),
            Some(Policy::Login(requirement)) => requirement,
            None => &nothing,
        };
        let login = self.login.authenticate(parts).await?.ok_or(Refusal::NotAuthenticated)?;
        requirement.check(&login)?;
        Ok(Some(RequestUser(Some(login.user))))
    }
}

pub(super) async fn guarded<U: User>(
    State(guard): State<Guard<U>>,
    request: Request<Body>,
    next: Next,
) -> Response {
    match guard.check(request).await {
        Ok(request) => next.run(request).await,
        Err((refusal, parts)) => guard.login.reject(refusal, &parts).into_response(),
    }
}
