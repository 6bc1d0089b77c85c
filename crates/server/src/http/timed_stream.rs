//! A stream that ends itself when its peer takes too long.
//!
//! hyper has one timer for "no request yet" and "half a request"; a short one would cut keep-alive, a long one would
//! invite slow-loris. Here they are two: the idle time-out until the first byte of a request, the header time-out from it.
//! A request answered before its end is listened to a little longer, so that its peer gets the answer and no reset.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep, sleep_until},
};

use super::Bounds;

/// How long, and how many bytes more, a request that was answered before its end is listened to.
const LINGER_FOR: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 1024 * 1024;

/// What the stream must know of the requests on it.
#[derive(Debug, Default)]
pub(super) struct Activity {
    is_answering: AtomicBool,
    /// The latest request has a body that was not read to its end.
    has_unread_body: AtomicBool,
}

impl Activity {
    /// A request's head has been read; the returned value lives as long as its answer is under way.
    pub(super) fn answering(self: &Arc<Self>, has_body: bool) -> Answering {
        self.has_unread_body.store(has_body, Ordering::Release);
        self.is_answering.store(true, Ordering::Release);
        Answering(Arc::clone(self))
    }

    /// The body of the latest request has been read to its end.
    pub(super) fn body_is_read(&self) {
        self.has_unread_body.store(false, Ordering::Release);
    }

    /// Whether the peer may still be sending what nobody will read.
    fn is_cut_short(&self, reading: Reading) -> bool {
        matches!(reading, Reading::Head(_)) || self.has_unread_body.load(Ordering::Acquire)
    }
}

/// An answer under way.
pub(super) struct Answering(Arc<Activity>);

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.is_answering.store(false, Ordering::Release);
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// No byte of a request yet.
    Idle,
    /// In the head of a request, until this moment at most.
    Head(Instant),
    /// In a request; its time-out is not ours.
    Request,
}

/// A stream with time-outs.
pub(super) struct TimedStream<S> {
    stream: S,
    bounds: Bounds,
    activity: Arc<Activity>,
    reading: Reading,
    deadline: Pin<Box<Sleep>>,
    stalled: Option<Pin<Box<Sleep>>>,
    lingering: Option<Lingering>,
}

/// Our side is closed; what the peer still sends is dropped.
struct Lingering {
    until: Pin<Box<Sleep>>,
    bytes: usize,
}

impl<S> TimedStream<S> {
    pub(super) fn new(stream: S, bounds: Bounds, activity: Arc<Activity>) -> Self {
        let deadline = Box::pin(sleep(bounds.idle_timeout));
        Self { stream, bounds, activity, reading: Reading::Idle, deadline, stalled: None, lingering: None }
    }

    /// Moves to the phase the connection is in.
    fn follow(&mut self) {
        if self.activity.is_answering.load(Ordering::Acquire) {
            self.reading = Reading::Request;
        } else if self.reading == Reading::Request {
            self.reading = Reading::Idle;
            self.deadline.as_mut().reset(Instant::now() + self.bounds.idle_timeout);
        } else if let Reading::Head(deadline) = self.reading
            && self.deadline.deadline() != deadline
        {
            // Only a head that came in pieces gets here, so a normal request does not touch the timer.
            self.deadline.set(sleep_until(deadline));
        }
    }

    /// Ends a write that makes no progress: the peer does not read its answer.
    fn bound_stall<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let idle_timeout = self.bounds.idle_timeout;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(idle_timeout)));
        stalled.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for TimedStream<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.follow();
        if this.reading != Reading::Request && this.deadline.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        let before = buf.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(cx, buf);
        if this.reading == Reading::Idle && buf.filled().len() > before {
            this.reading = Reading::Head(Instant::now() + this.bounds.header_timeout);
        }
        read
    }
}

impl<S: AsyncRead + Unpin> TimedStream<S> {
    /// Reads on for a while after our side is closed.
    ///
    /// A socket that is closed with unread bytes in it sends a reset, which takes the answer away from a peer that was
    /// still sending: a proxy would make 502 of our 413.
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let lingering = self
            .lingering
            .get_or_insert_with(|| Lingering { until: Box::pin(sleep(LINGER_FOR)), bytes: LINGER_BYTES });
        let mut dropped = [0; 8192];
        while lingering.bytes > 0 && lingering.until.as_mut().poll(cx).is_pending() {
            let mut buf = ReadBuf::new(&mut dropped);
            let read = ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buf));
            if read.is_err() || buf.filled().is_empty() {
                break;
            }
            lingering.bytes = lingering.bytes.saturating_sub(buf.filled().len());
        }
        Poll::Ready(())
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for TimedStream<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write(cx, bytes);
        this.bound_stall(cx, written)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let written = Pin::new(&mut this.stream).poll_write_vectored(cx, slices);
        this.bound_stall(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flushed = Pin::new(&mut this.stream).poll_flush(cx);
        this.bound_stall(cx, flushed)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.lingering.is_none() {
            let shut = Pin::new(&mut this.stream).poll_shutdown(cx);
            ready!(this.bound_stall(cx, shut))?;
        }
        if this.activity.is_cut_short(this.reading) {
            ready!(this.poll_linger(cx));
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::{TcpListener, TcpStream},
    };

    use super::*;

    const LONG: Duration = Duration::from_mins(10);

    /// Answers and closes in the middle of a request, and returns what its peer sees.
    async fn seen_by_a_peer_that_still_sends() -> io::Result<Vec<u8>> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let mut peer = TcpStream::connect(listener.local_addr()?).await?;
        peer.write_all(&vec![b'x'; 64 * 1024]).await?;
        let (socket, _) = listener.accept().await?;
        let bounds = Bounds { header_timeout: LONG, idle_timeout: LONG, max_connections: 1 };
        let activity = Arc::new(Activity::default());
        drop(activity.answering(true));
        let mut stream = TimedStream::new(socket, bounds, activity);
        let closing = async move {
            stream.write_all(b"answer").await?;
            stream.shutdown().await
        };
        let receiving = async move {
            let mut answer = vec![0; 6];
            peer.read_exact(&mut answer).await?;
            peer.write_all(&vec![b'x'; 64 * 1024]).await?;
            peer.read_to_end(&mut answer).await?;
            io::Result::Ok(answer)
        };
        let (closed, answer) = tokio::join!(closing, receiving);
        closed?;
        answer
    }

    #[tokio::test]
    async fn a_request_answered_before_its_end_gets_its_answer() {
        assert_eq!(seen_by_a_peer_that_still_sends().await.unwrap(), b"answer");
    }
}
