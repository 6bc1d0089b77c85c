//! The one place that connects: host after host, address after address, each within the same limit.

use std::{
    fmt,
    future::poll_fn,
    io,
    net::IpAddr,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use tokio::{net::lookup_host, time::timeout};
use tokio_postgres::{AsyncMessage, Client, Config, Connection, Error, Socket, tls::MakeTlsConnect};
use tokio_postgres_rustls::MakeRustlsConnect;
use vestibule_core::values::secret::random_bytes;

use super::{
    error::OpenError,
    failure::{is_full, told},
    options::{Place, PostgresOptions},
    tls,
};

/// What carries a client's messages.
pub(super) struct Line(Connection<Socket, <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream>);

impl Line {
    /// Carries them until the connection ends.
    pub(super) async fn carry(self) {
        self.carry_with(|| {}).await;
    }

    /// Carries them, and says when something was heard; why it ended is an error where somebody else ended it.
    pub(super) async fn carry_with(mut self, heard: impl Fn()) -> Option<Error> {
        loop {
            match poll_fn(|context| self.0.poll_message(context)).await {
                Some(Ok(AsyncMessage::Notification(_))) => heard(),
                // What the server has to remark is for whoever looks for a fault.
                Some(Ok(AsyncMessage::Notice(notice))) => tracing::debug!(%notice, "the database remarks"),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Some(error),
                None => return None,
            }
        }
    }
}

/// Makes every connection of a store.
pub(super) struct Dialer {
    places: Vec<Place>,
    /// Not asked where the database is reached without.
    tls: MakeRustlsConnect,
    limit: Duration,
    is_any_order: bool,
    /// The host that took the last connection is asked first: the others may be silent, or take no writes.
    last: AtomicUsize,
}

impl Dialer {
    pub(super) fn new(options: &PostgresOptions) -> Result<Self, OpenError> {
        Ok(Self {
            places: options.places(),
            tls: tls::connector(options)?,
            limit: options.connect_timeout,
            is_any_order: options.is_any_order(),
            last: AtomicUsize::new(0),
        })
    }

    /// Connects to the first host that will have it.
    pub(super) async fn dial(&self) -> Result<(Client, Line), Unreached> {
        let mut misses = Vec::new();
        for (position, place) in self.in_order() {
            match self.dial_place(place).await {
                Ok(connected) => {
                    self.last.store(position, Ordering::Relaxed);
                    return Ok(connected);
                }
                Err(miss) => misses.push((place.name.clone(), miss)),
            }
        }
        Err(Unreached(misses))
    }

    fn in_order(&self) -> Vec<(usize, &Place)> {
        let mut places: Vec<_> = self.places.iter().enumerate().collect();
        if self.is_any_order {
            places.sort_by_cached_key(|_| random_bytes::<8>());
        } else {
            places.rotate_left(self.last.load(Ordering::Relaxed));
        }
        places
    }

    async fn dial_place(&self, place: &Place) -> Result<(Client, Line), Miss> {
        let Some(host) = &place.host else { return self.dial_once(&place.config).await };
        let mut miss = Miss::NoAddress(None);
        for address in self.addresses(host, place.port).await? {
            let mut config = place.config.clone();
            config.hostaddr(address);
            match self.dial_once(&config).await {
                Ok(connected) => return Ok(connected),
                Err(missed) => miss = missed,
            }
        }
        Err(miss)
    }

    async fn addresses(&self, host: &str, port: u16) -> Result<Vec<IpAddr>, Miss> {
        let found = timeout(self.limit, lookup_host((host, port))).await;
        let found =
            found.map_err(|_| Miss::Silence(self.limit))?.map_err(|error| Miss::NoAddress(Some(error)))?;
        Ok(found.map(|address| address.ip()).collect())
    }

    /// The library's own limit ends where TCP does; this one holds until the server is ready for the first statement.
    async fn dial_once(&self, config: &Config) -> Result<(Client, Line), Miss> {
        let connected = timeout(self.limit, config.connect(self.tls.clone())).await;
        let (client, connection) = connected.map_err(|_| Miss::Silence(self.limit))??;
        Ok((client, Line(connection)))
    }
}

impl fmt::Debug for Dialer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places: Vec<_> = self.places.iter().map(|place| &place.name).collect();
        f.debug_struct("Dialer").field("places", &places).finish_non_exhaustive()
    }
}

/// Why one host took no connection.
#[derive(Debug)]
pub(super) enum Miss {
    /// What the server or the network said.
    Database(Error),
    /// It said nothing for so long.
    Silence(Duration),
    /// Its name stands for no address.
    NoAddress(Option<io::Error>),
}

impl Miss {
    /// Whether the server takes no writes, which is what it was asked for.
    pub(super) fn is_read_only(&self) -> bool {
        use std::error::Error as _;
        let Self::Database(error) = self else { return false };
        let refusal = error.source().and_then(|source| source.downcast_ref::<io::Error>());
        // The system's own refusals have a number.
        refusal.is_some_and(|error| {
            error.kind() == io::ErrorKind::PermissionDenied && error.raw_os_error().is_none()
        })
    }
}

impl From<Error> for Miss {
    fn from(error: Error) -> Self {
        Self::Database(error)
    }
}

impl fmt::Display for Miss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Database(error) => f.write_str(&told(error)),
            Self::Silence(limit) => write!(f, "no answer within {limit:?}"),
            Self::NoAddress(Some(error)) => write!(f, "its name leads nowhere: {error}"),
            Self::NoAddress(None) => f.write_str("its name leads nowhere"),
        }
    }
}

/// Why no host took a connection: of each its own reason.
#[derive(Debug)]
pub(super) struct Unreached(pub(super) Vec<(String, Miss)>);

impl Unreached {
    /// Whether there are too many connections already.
    pub(super) fn is_full(&self) -> bool {
        self.0.iter().any(|(_, miss)| matches!(miss, Miss::Database(error) if is_full(error)))
    }
}

impl std::error::Error for Unreached {}

impl fmt::Display for Unreached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let [(_, miss)] = self.0.as_slice() {
            return miss.fmt(f);
        }
        for (position, (name, miss)) in self.0.iter().enumerate() {
            let separator = if position == 0 { "" } else { "; " };
            write!(f, "{separator}{name}: {miss}")?;
        }
        Ok(())
    }
}
