//! Answers, read within a limit.

use bytes::{Bytes, BytesMut};
use http::Response;

use crate::{destination::Destination, error::EgressError};

/// Reads an answer to its end, or gives up where it is too long.
pub(crate) async fn read(
    mut response: reqwest::Response,
    destination: &Destination,
) -> Result<Response<Bytes>, EgressError> {
    let (host, limit_bytes) = (destination.host(), destination.answer_limit_bytes);
    let too_long = || EgressError::TooLong { host: host.to_owned(), limit_bytes };
    let mut body = BytesMut::new();
    if response.content_length().is_some_and(|length| length > limit_bytes as u64) {
        return Err(too_long());
    }
    loop {
        let chunk = response.chunk().await;
        let Some(chunk) = chunk.map_err(|error| EgressError::of_client(error, host))? else {
            break;
        };
        if body.len().saturating_add(chunk.len()) > limit_bytes {
            return Err(too_long());
        }
        body.extend_from_slice(&chunk);
    }
    let mut answer = Response::new(body.freeze());
    *answer.status_mut() = response.status();
    *answer.headers_mut() = std::mem::take(response.headers_mut());
    Ok(answer)
}
