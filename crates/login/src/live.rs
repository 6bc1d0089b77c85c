//! Connections that stay open, such as a `WebSocket` or an event stream: whoever opened them is authenticated then, and
//! disconnected when that no longer counts.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use futures_core::Stream;
use pin_project_lite::pin_project;

use crate::{
    authenticator::{BadToken, VerifyError},
    extract::{Login, User},
};

/// How often the token of an open connection is verified again.
const PACE: Duration = Duration::from_secs(1);

impl<U: User> Login<U> {
    /// Waits until the token no longer counts: it has expired, or `revoked_if` says that it is revoked, which is asked
    /// every second.
    ///
    /// Whoever keeps a connection open ends it then: in a `select!` beside the conversation, or with
    /// [`until_ended`](Self::until_ended) around an event stream. A `WebSocket` is best closed with status 1008, "policy
    /// violation". May be dropped and called again at any time. The user is not loaded again.
    ///
    /// While it cannot be told whether the token is revoked, the connection stays open, at most until the token expires.
    pub async fn ended(&self) -> BadToken {
        loop {
            tokio::time::sleep(PACE).await;
            if let Err(VerifyError::Refused(bad)) = self.manager.verify(self.token.expose()).await {
                return bad;
            }
        }
    }

    /// The items of a stream until the token no longer counts; then the stream ends.
    ///
    /// ```
    /// use axum::response::sse::{Event, Sse};
    /// use futures_core::Stream;
    /// use vestibule_login::Login;
    ///
    /// async fn events(login: Login<String>) -> Sse<impl Stream<Item = Result<Event, std::convert::Infallible>>> {
    ///     Sse::new(login.until_ended(news()))
    /// }
    /// # fn news() -> impl Stream<Item = Result<Event, std::convert::Infallible>> {
    /// #     futures_util::stream::pending()
    /// # }
    /// ```
    pub fn until_ended<S: Stream>(self, stream: S) -> UntilEnded<S> {
        UntilEnded::new(stream, async move {
            self.ended().await;
        })
    }
}

pin_project! {
    /// A stream that ends when its caller's token no longer counts.
    pub struct UntilEnded<S> {
        #[pin]
        stream: S,
        ended: Pin<Box<dyn Future<Output = ()> + Send>>,
    }
}

impl<S: Stream> UntilEnded<S> {
    /// The items of a stream until `ended` is ready.
    pub fn new(stream: S, ended: impl Future<Output = ()> + Send + 'static) -> Self {
        Self { stream, ended: Box::pin(ended) }
    }
}

impl<S> fmt::Debug for UntilEnded<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UntilEnded").finish_non_exhaustive()
    }
}

impl<S: Stream> Stream for UntilEnded<S> {
    type Item = S::Item;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let this = self.project();
        // First, so that a stream that is always ready does not go on for ever.
        if this.ended.as_mut().poll(context).is_ready() {
            // It is asked again only by whoever breaks the contract of streams; then it never answers.
            *this.ended = Box::pin(std::future::pending());
            return Poll::Ready(None);
        }
        this.stream.poll_next(context)
    }
}
