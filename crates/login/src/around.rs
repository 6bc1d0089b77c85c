//! How our layers stand around what is inside of them: with axum's own middleware, so that none of them writes a tower
//! service out.

use std::pin::Pin;

use axum::{
    extract::{Request, State},
    middleware::{FromFn, Next, from_fn_with_state},
    response::Response,
};
use tower::Layer;

/// What a layer does with a request, and with what comes back.
pub type Work<L> = fn(State<L>, Request, Next) -> Pin<Box<dyn Future<Output = Response> + Send>>;

/// The service that a layer makes of the one inside.
pub type Around<L, I> = FromFn<Work<L>, L, I, (State<L>, Request)>;

/// Puts a layer's work around a service.
pub fn around<L: Clone, I>(layer: &L, work: Work<L>, inner: I) -> Around<L, I> {
    from_fn_with_state(layer.clone(), work).layer(inner)
}
