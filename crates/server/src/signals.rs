//! SIGTERM and SIGINT, which ask the server to stop, and SIGHUP, which does not.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::{failure::Failure, startup};

/// The signals that a server hears.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    /// Listens from now on.
    ///
    /// # Errors
    /// The system refuses.
    pub fn listen() -> Result<Self, Failure> {
        let listen = |kind| signal(kind).map_err(|error| startup::unexpected(&error));
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
            hang_up: listen(SignalKind::hangup())?,
        })
    }

    /// Waits for the next one that asks to stop.
    pub async fn next(&mut self) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                // A closed terminal must not end a server, and there is nothing it could read anew.
                _ = self.hang_up.recv() => {
                    tracing::info!("SIGHUP is ignored: the configuration is read at the start only");
                }
            }
        }
    }
}
