//! Accepting connections, and what is done when the system has none to give.

use std::{io, net::SocketAddr, time::Duration};

use tokio::{
    net::{TcpListener, TcpStream},
    time::{Instant, sleep},
};

const ERRORS: &str = "vestibule_accept_errors_total";

/// How long to wait before accepting again when the system is out of file descriptors or memory.
const PAUSE: Duration = Duration::from_millis(100);

/// Errors closer together than this are one episode, and warned of once.
const QUIET: Duration = Duration::from_mins(1);

/// The errors of one listener.
#[derive(Debug, Default)]
pub(super) struct Trouble {
    latest: Option<Instant>,
}

impl Trouble {
    fn record(&mut self, error: &io::Error) {
        metrics::counter!(ERRORS).increment(1);
        let is_known = self.latest.is_some_and(|latest| latest.elapsed() < QUIET);
        self.latest = Some(Instant::now());
        if is_known {
            tracing::debug!(%error, "a connection could not be accepted; trying again");
        } else {
            tracing::warn!(
                %error,
                "a connection could not be accepted; trying again, and counting in {ERRORS} without more warnings"
            );
        }
    }
}

/// Where connections come from.
pub(super) trait Source {
    async fn next(&self) -> io::Result<(TcpStream, SocketAddr)>;
}

impl Source for TcpListener {
    async fn next(&self) -> io::Result<(TcpStream, SocketAddr)> {
        self.accept().await
    }
}

/// Waits for the next connection, whatever goes wrong before it.
pub(super) async fn accept(source: &impl Source, trouble: &mut Trouble) -> (TcpStream, SocketAddr) {
    loop {
        match source.next().await {
            Ok(accepted) => return accepted,
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                trouble.record(&error);
                sleep(PAUSE).await;
            }
        }
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
