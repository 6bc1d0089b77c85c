//! Callers of connections that stay open, such as a `WebSocket` or an event stream.
//!
//! They are authenticated when they connect, and disconnected when that no longer counts.

use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts};
use futures_core::Stream;
use http::{HeaderMap, HeaderName, HeaderValue, Method, request::Parts};
use vestibule_core::{
    live::TokenWatch,
    token::{
        TokenError,
        bearer::{Bearer, is_token},
        claims::AccessClaims,
    },
};
pub use vestibule_login::UntilEnded;
use vestibule_login::same_origin::is_web_socket;

use super::{Proof, TokenLocation, bearer};
use crate::{
    cookies::{Cookie, CookieKind},
    error::{ApiError, Code},
    state::AuthState,
};

const PROTOCOLS: HeaderName = HeaderName::from_static("sec-websocket-protocol");
/// What the subprotocol that carries a token begins with.
const PREFIX: &str = "bearer.";

/// A caller whose connection stays open, with a valid access token whose session lives.
///
/// The token is looked for in the `Authorization` header, then, on a `WebSocket`, in a subprotocol `bearer.TOKEN` (all that
/// a browser's `WebSocket` can send beside cookies), then in the cookie. The first that is present decides. It is never
/// read from the URL, which ends in logs.
///
/// Whoever holds a `LiveCaller` must end the connection when [`ended`](Self::ended) does: in a `select!` beside the
/// conversation, or with [`until_ended`](Self::until_ended) around an event stream.
///
/// # Security
/// A `WebSocket` that a cookie authenticates must prove that it comes from our own pages (browsers let any page open one
/// with our cookies), or is answered with 403 `cross_site_request` before the upgrade.
///
/// ```
/// use axum::response::{Response, sse::{Event, Sse}};
/// use futures_core::Stream;
/// use vestibule_axum::extract::LiveCaller;
///
/// async fn events(caller: LiveCaller) -> Sse<impl Stream<Item = Result<Event, std::convert::Infallible>>> {
///     Sse::new(caller.until_ended(news()))
/// }
/// # fn news() -> impl Stream<Item = Result<Event, std::convert::Infallible>> {
/// #     futures_util::stream::pending()
/// # }
/// ```
#[derive(Debug)]
pub struct LiveCaller {
    watch: TokenWatch,
    location: TokenLocation,
}

impl LiveCaller {
    /// What the token says.
    #[must_use]
    pub const fn claims(&self) -> &Arc<AccessClaims> {
        self.watch.claims()
    }

    /// Where the token was.
    #[must_use]
    pub const fn location(&self) -> TokenLocation {
        self.location
    }

    /// Waits until the token no longer counts: its session is revoked, here or on another node, or it expires.
    ///
    /// Revocations are heard of at once where they are made, and within a second on other nodes. May be dropped and called
    /// again at any time. A `WebSocket` is then best closed with status 1008, "policy violation".
    pub async fn ended(&mut self) -> TokenError {
        self.watch.ended().await
    }

    /// The items of a stream until the token no longer counts; then the stream ends.
    pub fn until_ended<S: Stream>(mut self, stream: S) -> UntilEnded<S> {
        let ended = async move {
            let _ = self.watch.ended().await;
        };
        UntilEnded::new(stream, ended)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for LiveCaller
where
    AuthState: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let state = AuthState::from_ref(state);
        // RFC 8441 §4 opens one by `CONNECT`.
        let is_upgrade = parts.method == Method::CONNECT || is_web_socket(&parts.headers);
        let (token, location) = find_token(&state, &parts.headers, is_upgrade)?;
        let proof = match location {
            TokenLocation::Cookie => Proof::where_needed(&state, parts)?,
            _ => Proof::Given,
        };
        let watch = state.auth().watch_access_token(token).await?;
        proof.check(&state, watch.claims().session_id)?;
        Ok(Self { watch, location })
    }
}

fn find_token<'a>(
    state: &AuthState,
    headers: &'a HeaderMap,
    is_upgrade: bool,
) -> Result<(&'a str, TokenLocation), ApiError> {
    let in_header = (bearer(headers), TokenLocation::Header);
    let in_protocol = if is_upgrade { in_subprotocol(headers) } else { Bearer::Absent };
    for (found, location) in [in_header, (in_protocol, TokenLocation::Subprotocol)] {
        match found {
            Bearer::Present(token) => return Ok((token, location)),
            Bearer::Malformed => return Err(Code::InvalidToken.into()),
            Bearer::Absent => {}
        }
    }
    match state.http().cookies.read(headers, CookieKind::Access) {
        Cookie::Present(token) => Ok((token, TokenLocation::Cookie)),
        Cookie::Malformed => Err(Code::InvalidToken.into()),
        Cookie::Absent => Err(Code::NotAuthenticated.into()),
    }
}

/// The token in a subprotocol. Two of them, or one that is no token, are a bad credential.
fn in_subprotocol(headers: &HeaderMap) -> Bearer<'_> {
    let lists: Result<Vec<&str>, _> = headers.get_all(PROTOCOLS).iter().map(HeaderValue::to_str).collect();
    let Ok(lists) = lists else {
        return Bearer::Malformed;
    };
    let mut tokens =
        lists.iter().flat_map(|list| list.split(',')).filter_map(|one| one.trim().strip_prefix(PREFIX));
    match (tokens.next(), tokens.next()) {
        (None, _) => Bearer::Absent,
        (Some(token), None) if is_token(token) => Bearer::Present(token),
        (Some(_), _) => Bearer::Malformed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t14_a_malformed_subprotocol_is_not_an_absent_one() {
        let read = |values: &[&[u8]]| {
            let value = |value: &&[u8]| (PROTOCOLS, HeaderValue::from_bytes(value).unwrap());
            let headers: HeaderMap = values.iter().map(value).collect();
            match in_subprotocol(&headers) {
                Bearer::Present(token) => token.to_owned(),
                other => format!("{other:?}"),
            }
        };
        assert_eq!(read(&[]), "Absent");
        assert_eq!(read(&[b"chat, superchat"]), "Absent");
        assert_eq!(read(&[b"chat, bearer.a.b.c"]), "a.b.c");
        assert_eq!(read(&[b"chat", b"bearer.a.b.c ,x"]), "a.b.c");
        for bad in [b"bearer.".as_slice(), b"bearer.a b", b"bearer.a, bearer.a", b"bearer.\xff", b"chat\xff"]
        {
            assert_eq!(read(&[bad]), "Malformed", "{bad:?}");
        }
        assert_eq!(read(&[b"bearer.a", b"bearer.b"]), "Malformed");
    }
}
