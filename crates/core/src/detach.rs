//! Work in tasks of its own: some goes on when whoever asked for it has gone away, some ends with them.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use tokio::{runtime::Handle, task::JoinHandle};
use tracing::{Instrument as _, Span};

/// Runs what must not stop half-way, and waits for it: where the waiting ends too early, the work goes on in a task of
/// its own.
///
/// A caller who hangs up drops our future, not the store's work: without this, a session revoked in the store would
/// live on in this node's memory, and nothing would be written down about it.
pub(crate) fn to_the_end<F>(work: F) -> ToTheEnd<F>
where
    F: Future<Output: Send> + Send + 'static,
{
    ToTheEnd { work: Some(Box::pin(work)), refuge: None }
}

/// Work whose end does not depend on who waits for it.
///
/// A task for every piece of work would say the same and cost two changes of tasks where nobody hangs up, which is
/// nearly always.
pub(crate) struct ToTheEnd<F: Future<Output: Send> + Send + 'static> {
    /// Gone when done, and when it panicked.
    work: Option<Pin<Box<F>>>,
    refuge: Option<Refuge>,
}

/// Where work that has begun goes on.
struct Refuge {
    runtime: Handle,
    span: Span,
}

impl<F: Future<Output: Send> + Send + 'static> Future for ToTheEnd<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let Some(mut work) = self.work.take() else { return Poll::Pending };
        let outcome = work.as_mut().poll(context);
        if outcome.is_pending() {
            self.work = Some(work);
            self.refuge.get_or_insert_with(|| Refuge { runtime: Handle::current(), span: Span::current() });
        }
        outcome
    }
}

impl<F: Future<Output: Send> + Send + 'static> Drop for ToTheEnd<F> {
    fn drop(&mut self) {
        // What has not begun need not end.
        if let (Some(work), Some(Refuge { runtime, span })) = (self.work.take(), self.refuge.take()) {
            runtime.spawn(async move { drop(work.await) }.instrument(span));
        }
    }
}

/// Somebody else's code in a task that ends with whoever waits for it: a panic is the task's alone.
pub(crate) struct Abandoned<T>(JoinHandle<T>);

impl<T: Send + 'static> Abandoned<T> {
    pub(crate) fn spawn(work: impl Future<Output = T> + Send + 'static) -> Self {
        Self(tokio::spawn(work.in_current_span()))
    }

    /// What came of it; `None` where it panicked.
    pub(crate) async fn outcome(mut self) -> Option<T> {
        (&mut self.0).await.ok()
    }
}

impl<T> Drop for Abandoned<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::poll_fn,
        panic::{AssertUnwindSafe, catch_unwind},
        pin::pin,
        sync::{
            Arc,
            atomic::{AtomicUsize, Ordering},
        },
        task::Waker,
    };

    use tokio::sync::oneshot;

    use super::*;

    async fn begin<F: Future>(future: Pin<&mut F>) -> bool {
        let mut future = future;
        poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_ready())).await
    }

    #[tokio::test]
    async fn whoever_waits_gets_the_outcome() {
        assert_eq!(to_the_end(async { 7 }).await, 7);
        let (send, receive) = oneshot::channel();
        let waiting = tokio::spawn(to_the_end(receive));
        tokio::task::yield_now().await;
        send.send(8).unwrap();
        assert_eq!(waiting.await.unwrap(), Ok(8));
    }

    #[tokio::test]
    async fn work_that_has_begun_ends_without_its_caller() {
        let (go_on, told) = oneshot::channel::<()>();
        let (done, is_done) = oneshot::channel();
        {
            let mut work = pin!(to_the_end(async move {
                told.await.unwrap();
                done.send(()).unwrap();
            }));
            assert!(!begin(work.as_mut()).await);
        }
        go_on.send(()).unwrap();
        is_done.await.unwrap();
    }

    #[tokio::test]
    async fn work_that_has_not_begun_never_does() {
        let (done, is_done) = oneshot::channel::<()>();
        drop(to_the_end(async move { done.send(()).unwrap() }));
        assert!(is_done.await.is_err());
    }

    #[tokio::test]
    async fn a_panic_reaches_whoever_waits_and_is_not_repeated() {
        let polls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&polls);
        let mut work = Box::pin(to_the_end(poll_fn(move |_| -> Poll<()> {
            assert_ne!(counted.fetch_add(1, Ordering::Relaxed), 1, "a panic on purpose");
            Poll::Pending
        })));
        assert!(!begin(work.as_mut()).await);
        let mut context = Context::from_waker(Waker::noop());
        assert!(catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(&mut context))).is_err());
        drop(work);
        tokio::task::yield_now().await;
        assert_eq!(polls.load(Ordering::Relaxed), 2);
    }
}
