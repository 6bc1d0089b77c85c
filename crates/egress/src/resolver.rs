//! Names become addresses here, once, and no address leaves unchecked.

use std::{
    fmt, io,
    net::{IpAddr, SocketAddr, ToSocketAddrs as _},
    sync::Arc,
};

use async_trait::async_trait;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::Semaphore;

use crate::{error::Unresolved, guard::Guard};

/// How many names are looked up at once: each keeps a thread busy, for as long as a silent name server likes.
const LOOKUPS_AT_ONCE: usize = 8;

/// Finds the addresses of a name.
#[async_trait]
pub trait Resolver: fmt::Debug + Send + Sync {
    /// Every address of `name`.
    ///
    /// # Errors
    /// The name is unknown, or nobody could be asked.
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// Asks what the machine asks.
#[derive(Debug)]
pub struct SystemResolver {
    permits: Arc<Semaphore>,
}

impl Default for SystemResolver {
    fn default() -> Self {
        Self { permits: Arc::new(Semaphore::new(LOOKUPS_AT_ONCE)) }
    }
}

#[async_trait]
impl Resolver for SystemResolver {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(io::Error::other)?;
        let name = name.to_owned();
        let looked_up = tokio::task::spawn_blocking(move || {
            let found = (name.as_str(), 0).to_socket_addrs();
            // Held by the thread, not by whoever waits for it: they may have given up.
            drop(permit);
            found.map(|found| found.map(|address| address.ip()).collect())
        });
        looked_up.await.map_err(io::Error::other)?
    }
}

/// What the client asks for addresses: it connects to these and to no others.
pub(crate) struct Guarded {
    pub(crate) resolver: Arc<dyn Resolver>,
    pub(crate) guard: Guard,
    pub(crate) is_plain: bool,
}

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let (resolver, guard, is_plain) = (Arc::clone(&self.resolver), self.guard.clone(), self.is_plain);
        Box::pin(async move {
            let found = resolver.resolve(name.as_str()).await;
            let found = found.map_err(|error| Unresolved(error.to_string()))?;
            if found.is_empty() {
                return Err(Unresolved("it has no address".to_owned()).into());
            }
            // One address that must not be asked spoils them all: with a second, public one beside it, an attacker would
            // choose at connecting.
            for address in &found {
                guard.check(*address, is_plain)?;
            }
            Ok(Box::new(found.into_iter().map(|address| SocketAddr::new(address, 0))) as Addrs)
        })
    }
}
