//! The tower layer: verifies before the routes are reached, and tells them who is calling.

use std::{
    future::Future,
    mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use http::{HeaderMap, Request, Response};
use tower_layer::Layer;
use tower_service::Service;
use vestibule_token::access::AccessClaims;

use crate::{
    refusal::{Refusal, RefusalKind},
    verifier::Verifier,
};

/// Verifies the bearer token of every request and puts `Arc<AccessClaims>` into its extensions.
///
/// A request without a token is answered with 401, unless the layer is [`optional`](Self::optional); one with a bad
/// token always is. Response bodies must be made `From<Vec<u8>>`, as those of axum and `http_body_util::Full` are.
///
/// ```
/// use std::sync::Arc;
/// use axum::{Extension, Router, routing::get};
/// use vestibule_verifier::{AccessClaims, Verifier};
///
/// async fn report(Extension(claims): Extension<Arc<AccessClaims>>) -> String {
///     format!("The report of {}", claims.account_id)
/// }
///
/// fn app(verifier: &Verifier) -> Router {
///     let reports = Router::new().route("/report", get(report));
///     reports.layer(verifier.layer().scopes(["reports:read"]))
/// }
/// ```
#[derive(Clone, Debug)]
pub struct BearerLayer {
    verifier: Verifier,
    rules: Arc<Rules>,
}

#[derive(Clone, Debug)]
struct Rules {
    is_optional: bool,
    scopes: Vec<String>,
    permissions: Vec<String>,
}

impl BearerLayer {
    pub(crate) fn new(verifier: Verifier) -> Self {
        let rules = Rules { is_optional: false, scopes: Vec::new(), permissions: Vec::new() };
        Self { verifier, rules: Arc::new(rules) }
    }

    /// Lets requests without a token through, without claims. Bad tokens are refused all the same.
    #[must_use]
    pub fn optional(mut self) -> Self {
        Arc::make_mut(&mut self.rules).is_optional = true;
        self
    }

    /// Whoever has a token needs all of these scopes, too; otherwise 403 with the challenge that names them.
    #[must_use]
    pub fn scopes(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Arc::make_mut(&mut self.rules).scopes.extend(names.into_iter().map(Into::into));
        self
    }

    /// Whoever has a token needs all of these permissions, too; otherwise 403.
    #[must_use]
    pub fn permissions(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Arc::make_mut(&mut self.rules).permissions.extend(names.into_iter().map(Into::into));
        self
    }

    async fn admit(&self, headers: &HeaderMap) -> Result<Option<Arc<AccessClaims>>, Refusal> {
        let Some(claims) = self.verifier.verify_headers(headers).await? else {
            let is_open = self.rules.is_optional;
            return if is_open { Ok(None) } else { Err(Refusal::new(RefusalKind::NotAuthenticated)) };
        };
        Refusal::unless_scopes(&claims, self.rules.scopes.iter().map(String::as_str))?;
        for name in &self.rules.permissions {
            Refusal::unless_permission(&claims, name)?;
        }
        Ok(Some(claims))
    }
}

impl<S> Layer<S> for BearerLayer {
    type Service = BearerService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        BearerService { layer: self.clone(), inner }
    }
}

/// A service behind a [`BearerLayer`].
#[derive(Clone, Debug)]
pub struct BearerService<S> {
    layer: BearerLayer,
    inner: S,
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for BearerService<S>
where
    S: Service<Request<ReqBody>, Response = Response<ResBody>> + Clone + Send + 'static,
    S::Future: Send,
    ReqBody: Send + 'static,
    ResBody: From<Vec<u8>>,
{
    type Response = Response<ResBody>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        // The one that is ready is the one to call; its clone may not be.
        let clone = self.inner.clone();
        let mut inner = mem::replace(&mut self.inner, clone);
        let layer = self.layer.clone();
        Box::pin(async move {
            // Claims are this layer's word alone, whatever was there before.
            request.extensions_mut().remove::<Arc<AccessClaims>>();
            // Only headers are borrowed: a body need not be `Sync`.
            let headers = mem::take(request.headers_mut());
            let admitted = layer.admit(&headers).await;
            *request.headers_mut() = headers;
            match admitted {
                Ok(Some(claims)) => {
                    request.extensions_mut().insert(claims);
                    inner.call(request).await
                }
                Ok(None) => inner.call(request).await,
                Err(refusal) => Ok(refusal.into_response()),
            }
        })
    }
}
