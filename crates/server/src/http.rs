//! Serving HTTP/1.1: our own accept loop, because `axum::serve` exposes no time-outs.
//!
//! Bounds: how many connections are open ([`Bounds::max_connections`]; at the cap it stops accepting rather than
//! refuse), how long a request's head may take from its first byte, how long a connection may do nothing. How long a
//! request may take is the routers' own layer, because it must answer.

mod accept;
mod connection;
pub mod open_files;
mod timed_stream;

#[cfg(test)]
mod tests;

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use tokio::{
    net::TcpListener,
    sync::{Semaphore, watch},
    time::timeout,
};

use crate::failure::{Failure, Problem};

/// The bounds of a listener.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// How long the head of a request may take, from its first byte.
    pub header_timeout: Duration,
    /// How long a connection may stay without a request, or without taking what is sent to it.
    pub idle_timeout: Duration,
    /// How many connections may be open.
    pub max_connections: usize,
}

/// Told to stop by its sender, or by the sender's disappearance.
#[derive(Clone, Debug)]
pub struct Stop(watch::Receiver<bool>);

/// Tells every listener and connection to stop.
#[derive(Debug)]
pub struct Stopper(watch::Sender<bool>);

impl Stopper {
    /// A pair.
    #[must_use]
    pub fn new() -> (Self, Stop) {
        let (sender, receiver) = watch::channel(false);
        (Self(sender), Stop(receiver))
    }

    /// Tells them.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Stop {
    /// Waits to be told.
    pub async fn told(&mut self) {
        // An error means that the sender is gone, which is the same to us.
        let _ = self.0.wait_for(|is_stopped| *is_stopped).await;
    }
}

/// The connections that were open when a listener stopped accepting.
#[must_use = "connections are cut when the process ends before `finish`"]
pub struct Remaining {
    room: Arc<Semaphore>,
    all: u32,
}

impl Remaining {
    /// Waits until requests in flight are answered and connections closed, at most for `grace`; says whether they are.
    pub async fn finish(self, grace: Duration) -> bool {
        timeout(grace, self.room.acquire_many(self.all)).await.is_ok()
    }
}

/// Binds a listener.
///
/// # Errors
/// The address is taken or not ours.
pub async fn bind(key: &str, address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        let help = match error.kind() {
            io::ErrorKind::AddrNotAvailable => {
                format!("this machine has no address {}; 0.0.0.0 and [::] stand for all it has", address.ip())
            }
            io::ErrorKind::PermissionDenied => "ports below 1024 need a privilege; choose another".to_owned(),
            _ => "another program may be listening there; choose another port, or port 0 for a free one"
                .to_owned(),
        };
        Failure::failed(Problem::new(format!("cannot listen on {address} ({key}): {error}")).help(help))
    })
}

/// Accepts connections until told to stop; then they answer what is in flight and close.
pub async fn serve(listener: TcpListener, router: Router, bounds: Bounds, mut stop: Stop) -> Remaining {
    let all = u32::try_from(bounds.max_connections).unwrap_or(u32::MAX).max(1);
    let room = Arc::new(Semaphore::new(all as usize));
    let mut trouble = accept::Trouble::default();
    loop {
        let next = async {
            let permit = Arc::clone(&room).acquire_owned().await.ok()?;
            Some((permit, accept::accept(&listener, &mut trouble).await))
        };
        let accepted = tokio::select! {
            accepted = next => accepted,
            () = stop.told() => None,
        };
        let Some((permit, (stream, peer))) = accepted else { break };
        // Answers are small and whole: waiting for more to send would only delay them.
        let _ = stream.set_nodelay(true);
        let connection = connection::serve(stream, peer, router.clone(), bounds, stop.clone());
        tokio::spawn(async move {
            connection.await;
            drop(permit);
        });
    }
    Remaining { room, all }
}
