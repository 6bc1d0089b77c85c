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
        atomic::{AtomicBool, AtomicU64, Ordering},
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
///
/// hyper does not read between an answer's end and the next byte of its peer, so the stream hears of it here.
#[derive(Debug)]
pub(super) struct Activity {
    opened_at: Instant,
    is_answering: AtomicBool,
    /// How many answers have ended.
    answers: AtomicU64,
    /// When the latest of them did, in nanoseconds after the connection was opened.
    answered_after: AtomicU64,
    /// The latest request has a body that was not read to its end.
    has_unread_body: AtomicBool,
}

impl Activity {
    pub(super) fn new() -> Self {
        Self {
            opened_at: Instant::now(),
            is_answering: AtomicBool::new(false),
            answers: AtomicU64::new(0),
            answered_after: AtomicU64::new(0),
            has_unread_body: AtomicBool::new(false),
        }
    }

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

    /// When the latest answer ended, or the connection was opened.
    fn idle_since(&self) -> Instant {
        self.opened_at + Duration::from_nanos(self.answered_after.load(Ordering::Acquire))
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
        let after = self.0.opened_at.elapsed().as_nanos();
        self.0.answered_after.store(u64::try_from(after).unwrap_or(u64::MAX), Ordering::Release);
        self.0.answers.fetch_add(1, Ordering::AcqRel);
        self.0.is_answering.store(false, Ordering::Release);
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// No byte of a request yet; until this moment at most.
    Idle(Instant),
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
    /// How many answers had ended when `reading` was last looked at.
    answers_seen: u64,
    /// Wakes the connection to look at the time; never later than `reading` asks for.
    alarm: Pin<Box<Sleep>>,
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
        let until = activity.idle_since() + bounds.idle_timeout;
        Self {
            stream,
            bounds,
            activity,
            reading: Reading::Idle(until),
            answers_seen: 0,
            alarm: Box::pin(sleep_until(until)),
            stalled: None,
            lingering: None,
        }
    }

    /// Moves to the phase the connection is in.
    fn follow(&mut self) {
        if self.activity.is_answering.load(Ordering::Acquire) {
            self.reading = Reading::Request;
            return;
        }
        let answers = self.activity.answers.load(Ordering::Acquire);
        if answers != self.answers_seen {
            self.answers_seen = answers;
            self.reading = Reading::Idle(self.activity.idle_since() + self.bounds.idle_timeout);
        }
    }

    /// Waits until the peer has taken too long.
    fn poll_overdue(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        // Only a head that came in pieces brings the alarm forward, and only an alarm that went off is set later: a
        // normal request does not touch it.
        if let Reading::Idle(until) | Reading::Head(until) = self.reading
            && until < self.alarm.deadline()
        {
            self.alarm.as_mut().reset(until);
        }
        loop {
            ready!(self.alarm.as_mut().poll(cx));
            let next = match self.reading {
                Reading::Idle(until) | Reading::Head(until) if until <= self.alarm.deadline() => {
                    return Poll::Ready(());
                }
                Reading::Idle(until) | Reading::Head(until) => until,
                // hyper asks no more when the answer ends: without an alarm nobody would close the connection then.
                Reading::Request => Instant::now() + self.bounds.idle_timeout,
            };
            self.alarm.as_mut().reset(next);
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
        if this.poll_overdue(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        let before = buf.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(cx, buf);
        if matches!(this.reading, Reading::Idle(_)) && buf.filled().len() > before {
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
        let activity = Arc::new(Activity::new());
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
