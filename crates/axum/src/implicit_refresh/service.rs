//! The way of one request through the layer.

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use tower::Layer;
use vestibule_login::around::{Around, around};

use super::{ImplicitRefresh, Plan};

impl<I> Layer<I> for ImplicitRefresh {
    type Service = Around<Self, I>;

    fn layer(&self, inner: I) -> Self::Service {
        around(self, |State(layer), request, next| Box::pin(layer.let_through(request, next)), inner)
    }
}

impl ImplicitRefresh {
    async fn let_through(self, request: Request, next: Next) -> Response {
        let (mut parts, body) = request.into_parts();
        let plan = self.plan(&parts).await;
        let tokens = match &plan {
            Plan::Before(offer) => match self.refresh_before(offer, &mut parts).await {
                Ok(tokens) => tokens,
                Err(error) => return error.into_response(),
            },
            Plan::Nothing | Plan::After(..) => None,
        };
        let response = next.run(Request::from_parts(parts, body)).await;
        match (tokens, plan) {
            (Some(tokens), _) => self.send(&tokens, response).await,
            (None, Plan::After(offer, session_id)) => self.refresh_after(&offer, session_id, response).await,
            (None, _) => response,
        }
    }
}
