//! Work that goes on when whoever asked for it has gone away.

use std::panic::resume_unwind;

use tracing::Instrument as _;

/// Runs what must not stop half-way in a task of its own, and waits for it.
///
/// A caller who hangs up drops our future, not the store's work: without this, a session revoked in the store would
/// live on in this node's memory, and nothing would be written down about it.
pub(crate) async fn to_the_end<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    match tokio::spawn(work.in_current_span()).await {
        Ok(outcome) => outcome,
        Err(failure) => match failure.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            // The runtime is being shut down, and this future with it.
            Err(_) => std::future::pending().await,
        },
    }
}
