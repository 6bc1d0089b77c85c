//! Request bodies: read within a limit, then checked field by field.

use std::error::Error;

use axum::{body::Body, extract::Request};
use bytes::Bytes;
use http::{HeaderMap, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};

use crate::{
    error::{ApiError, Code},
    policy::RequestContext,
};

mod fields;

pub use fields::Fields;

/// The longest body that is read where no policy says otherwise, in bytes.
pub const DEFAULT_BODY_LIMIT: usize = 64 * 1024;

/// Reads a request's whole body, if it is no longer than the policy allows.
pub(crate) async fn read_body(request: Request) -> Result<Bytes, ApiError> {
    let limit =
        request.extensions().get::<RequestContext>().map_or(DEFAULT_BODY_LIMIT, RequestContext::body_limit);
    read_body_within(request, limit).await
}

/// Reads a request's whole body, if it has no more bytes than `limit`.
pub(crate) async fn read_body_within(request: Request, limit: usize) -> Result<Bytes, ApiError> {
    match Limited::new(request.into_body(), limit).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if is_too_long(&*error) => Err(Code::PayloadTooLarge.into()),
        Err(error) => Err(ApiError::new(Code::MalformedBody).cause(error)),
    }
}

/// Whether a body could not be read because it is longer than allowed, here or in a layer around us.
fn is_too_long(error: &(dyn Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<LengthLimitError>() {
            return true;
        }
        cause = error.source();
    }
    false
}

/// The media type of a body, lower-case and without parameters; `None` where it is absent, given twice or garbage.
pub(crate) fn media_type(headers: &HeaderMap) -> Option<String> {
    let mut values = headers.get_all(header::CONTENT_TYPE).iter();
    let value = values.next()?.to_str().ok()?;
    if values.next().is_some() {
        return None;
    }
    let essence = value.split(';').next()?.trim();
    Some(essence.to_ascii_lowercase())
}

/// A body that has been read, for a parser that wants a request.
pub(crate) fn request_of(bytes: Bytes, headers: HeaderMap) -> Request {
    let mut request = Request::new(Body::from(bytes));
    *request.headers_mut() = headers;
    request
}
