//! Calls of the application's own code: a panic, a hang and an error of it are all a failure, and nothing else.

use std::{
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    task::Poll,
    time::Duration,
};

use crate::authenticator::{Cause, Failure};

/// Runs a call for at most `limit`.
pub(crate) async fn bounded<T>(
    what: &'static str,
    limit: Duration,
    call: impl Future<Output = Result<T, Cause>>,
) -> Result<T, Failure> {
    let mut call = pin!(call);
    let caught = std::future::poll_fn(move |context| {
        // What is left of the call after a panic is dropped and never polled again.
        match catch_unwind(AssertUnwindSafe(|| call.as_mut().poll(context))) {
            Ok(Poll::Ready(result)) => Poll::Ready(result.map_err(Failure::broken)),
            Ok(Poll::Pending) => Poll::Pending,
            Err(_) => Poll::Ready(Err(Failure::broken(format!("the {what} panicked")))),
        }
    });
    match tokio::time::timeout(limit, caught).await {
        Ok(result) => result,
        Err(_) => Err(Failure::broken(format!("the {what} did not answer within {limit:?}"))),
    }
}
