//! The way of one request through the layer.

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use axum::{
    extract::Request,
    response::{IntoResponse, Response},
};
use tower::{Layer, Service};

use super::{ImplicitRefresh, Plan};

/// The service that [`ImplicitRefresh`] makes.
#[derive(Clone, Debug)]
pub struct ImplicitRefreshService<I> {
    layer: ImplicitRefresh,
    inner: I,
}

impl<I> Layer<I> for ImplicitRefresh {
    type Service = ImplicitRefreshService<I>;

    fn layer(&self, inner: I) -> Self::Service {
        ImplicitRefreshService { layer: self.clone(), inner }
    }
}

impl<I> Service<Request> for ImplicitRefreshService<I>
where
    I: Service<Request, Error = Infallible> + Clone + Send + 'static,
    I::Response: IntoResponse,
    I::Future: Send,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        // The service that is ready is taken, and its clone waits for the next request.
        let mut inner = self.inner.clone();
        std::mem::swap(&mut inner, &mut self.inner);
        let layer = self.layer.clone();
        Box::pin(async move {
            let (mut parts, body) = request.into_parts();
            let plan = layer.plan(&parts).await;
            let tokens = match &plan {
                Plan::Before(offer) => match layer.refresh_before(offer, &mut parts).await {
                    Ok(tokens) => tokens,
                    Err(error) => return Ok(error.into_response()),
                },
                Plan::Nothing | Plan::After(..) => None,
            };
            let response = inner.call(Request::from_parts(parts, body)).await?.into_response();
            Ok(match (tokens, plan) {
                (Some(tokens), _) => layer.send(&tokens, response).await,
                (None, Plan::After(offer, session_id)) => {
                    layer.refresh_after(&offer, session_id, response).await
                }
                (None, _) => response,
            })
        })
    }
}
