//! What an extractor answers where it cannot give what was asked for.

use axum::response::{IntoResponse, Response};

use crate::refusal::Refusal;

/// A refused request with its answer, as the application wants it.
#[derive(Debug)]
pub struct Rejection(Box<(Refusal, Response)>);

impl Rejection {
    pub(crate) fn new(refusal: Refusal, response: Response) -> Self {
        Self(Box::new((refusal, response)))
    }

    /// Why the request goes no further.
    #[must_use]
    pub fn refusal(&self) -> &Refusal {
        &self.0.0
    }
}

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        self.0.1
    }
}
