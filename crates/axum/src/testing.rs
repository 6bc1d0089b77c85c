//! What several unit tests need.

use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

use axum::body::Body;
use bytes::Bytes;
use http_body::Frame;
use tracing::{Dispatch, subscriber::DefaultGuard};

/// A body of unknown length that never ends.
pub(crate) fn endless_body() -> Body {
    chunked_body(usize::MAX)
}

/// A body of so many KiB that does not say how long it is.
pub(crate) fn chunked_body(kib: usize) -> Body {
    Body::new(Chunked(kib))
}

struct Chunked(usize);

impl http_body::Body for Chunked {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let Some(left) = self.0.checked_sub(1) else { return Poll::Ready(None) };
        self.0 = left;
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[b'x'; 1024])))))
    }
}

/// A body that never arrives.
pub(crate) fn silent_body() -> Body {
    Body::new(Silent)
}

struct Silent;

impl http_body::Body for Silent {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Poll::Pending
    }
}

/// A log kept in memory, one string a line.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Collects what this thread logs until the guards are dropped.
    ///
    /// A second dispatcher stands beside it, because with only one `tracing` lets whichever thread comes first decide
    /// whether a place in the code logs at all.
    pub(crate) fn collect(&self) -> (DefaultGuard, Dispatch) {
        let log = self.clone();
        let bystander = Dispatch::new(tracing_subscriber::fmt().with_writer(io::sink).finish());
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || log.clone()).finish();
        (tracing::subscriber::set_default(subscriber), bystander)
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        String::from_utf8_lossy(&self.0.lock().unwrap()).lines().map(str::to_owned).collect()
    }
}

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
