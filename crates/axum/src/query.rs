//! What stands behind the question mark.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use http::request::Parts;

use crate::{
    body::Fields,
    error::{ApiError, Code},
    form::parse_urlencoded,
};

/// Extracts the parameters of a query, to be taken one by one; one that stands twice or is no UTF-8 is 422.
pub struct QueryFields(Result<Fields, ApiError>);

impl QueryFields {
    /// The parameters, to be taken one by one.
    ///
    /// # Errors
    /// 422 `validation_failed` for a query that cannot be read.
    pub fn fields(self) -> Result<Fields, ApiError> {
        self.0
    }
}

impl<S: Send + Sync> FromRequestParts<S> for QueryFields {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let query = parts.uri.query().unwrap_or_default();
        Ok(Self(parse_urlencoded(query.as_bytes()).map_err(|_| Code::ValidationFailed.into())))
    }
}
