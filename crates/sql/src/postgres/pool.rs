//! The connections: a bounded pool, and a few of its connections that answer look-ups for everybody.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use deadpool_postgres::{
    Client, ClientWrapper, Manager, ManagerConfig, Pool, PoolError, RecyclingMethod, Runtime, TimeoutType,
};
use vestibule_core::ports::store::StoreError;

use super::{
    connect,
    error::OpenError,
    failure::{Remedy, remedy},
    hints::Hints,
    options::PostgresOptions,
    tx::PostgresTx,
};
use crate::failure::unavailable;

/// How many connections are shared: a pipe is quicker than a change of connections, two keep both ends busy.
const PIPES: usize = 2;
/// The connection over which nodes tell each other of changes.
const LISTENERS: usize = 1;
/// A pool smaller than this has no connection to spare for either.
const LEAST_WITH_SPARE: usize = 6;

/// A connection that many look up on at once; it is closed when the last of them has let go of it.
pub(super) type Shared = Arc<ClientWrapper>;

/// All connections of a store.
#[derive(Debug)]
pub(super) struct Connections {
    pool: Pool,
    pipes: Vec<Mutex<Option<Shared>>>,
    next: AtomicUsize,
    is_prepared: bool,
    limit: Duration,
    hints: Arc<Hints>,
    may_listen: bool,
}

impl Connections {
    pub(super) fn new(options: &PostgresOptions) -> Result<Self, OpenError> {
        let config = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let tls = connect::tls(options)?;
        let manager = match tls {
            Some(tls) => Manager::from_config(options.config(), tls, config),
            None => Manager::from_config(options.config(), tokio_postgres::NoTls, config),
        };
        // Behind a pooler every statement may run on another connection: there is nothing to share or to listen on.
        let has_spare = options.prepared && options.connections.get() >= LEAST_WITH_SPARE;
        let (pipes, listeners) = if has_spare { (PIPES, LISTENERS) } else { (0, 0) };
        let pool = Pool::builder(manager)
            .max_size(options.connections.get() - pipes - listeners)
            .wait_timeout(Some(options.acquire_timeout))
            .create_timeout(Some(options.connect_timeout))
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|source| OpenError::engine(options, source))?;
        Ok(Self {
            pool,
            pipes: (0..pipes).map(|_| Mutex::new(None)).collect(),
            next: AtomicUsize::new(0),
            is_prepared: options.prepared,
            limit: options.client_limit(),
            hints: Arc::default(),
            may_listen: has_spare,
        })
    }

    /// What nodes tell each other.
    pub(super) fn hints(&self) -> &Arc<Hints> {
        &self.hints
    }

    /// Whether there is a connection to spare for listening.
    pub(super) fn may_listen(&self) -> bool {
        self.may_listen
    }

    /// How long a statement may take before its connection is given up.
    pub(super) fn limit(&self) -> Duration {
        self.limit
    }

    /// Whether statements stay prepared on their connection.
    pub(super) fn is_prepared(&self) -> bool {
        self.is_prepared
    }

    /// What a body speaks to outside a transaction.
    pub(super) fn tx<'c>(&self, connection: &'c ClientWrapper) -> PostgresTx<'c> {
        let cache = self.is_prepared.then_some(&*connection.statement_cache);
        PostgresTx::new(connection, cache, self.limit)
    }

    /// A connection of one's own, waited for as long as is configured.
    pub(super) async fn lease(&self) -> Result<Lease, StoreError> {
        let client = self.pool.get().await.map_err(outage)?;
        Ok(Lease { client })
    }

    /// A connection to share, where there are any.
    pub(super) async fn shared(&self) -> Result<Option<Shared>, StoreError> {
        if self.pool.is_closed() {
            return Err(closed());
        }
        let turn = self.next.fetch_add(1, Ordering::Relaxed) % self.pipes.len().max(1);
        let Some(pipe) = self.pipes.get(turn) else { return Ok(None) };
        let open = lock(pipe).clone().filter(|shared| !shared.is_closed());
        if open.is_some() {
            return Ok(open);
        }
        let made = self.lease().await?;
        let mut pipe = lock(pipe);
        match pipe.as_ref().filter(|shared| !shared.is_closed()) {
            // Somebody else was faster; ours goes back to the pool.
            Some(shared) => Ok(Some(Arc::clone(shared))),
            None if self.pool.is_closed() => Err(closed()),
            // Out of the pool, which leaves room for it.
            None => Ok(Some(Arc::clone(pipe.insert(Arc::new(Client::take(made.client)))))),
        }
    }

    /// Shares a connection no longer.
    pub(super) fn forget(&self, shared: &Shared) {
        for pipe in &self.pipes {
            let mut pipe = lock(pipe);
            if pipe.as_ref().is_some_and(|known| Arc::ptr_eq(known, shared)) {
                pipe.take();
            }
        }
    }

    /// Gives up every connection that nobody uses.
    pub(super) fn forget_all(&self) {
        for pipe in &self.pipes {
            drop(lock(pipe).take());
        }
        self.pool.retain(|_, _| false);
    }

    /// Closes them; later calls are outages.
    pub(super) fn close(&self) {
        self.pool.close();
        for pipe in &self.pipes {
            drop(lock(pipe).take());
        }
    }
}

/// A connection of one's own for a while.
pub(super) struct Lease {
    client: Client,
}

impl Lease {
    pub(super) fn connection(&self) -> &ClientWrapper {
        &self.client
    }

    pub(super) fn connection_mut(&mut self) -> &mut ClientWrapper {
        &mut self.client
    }

    /// Returns the connection to the pool, or closes it where the outcome says that it is of no use.
    pub(super) fn give_back<R>(self, outcome: Result<R, StoreError>) -> Result<R, StoreError> {
        let is_sound =
            outcome.as_ref().err().is_none_or(|error| matches!(remedy(error), Remedy::None | Remedy::Again));
        if !is_sound {
            drop(Client::take(self.client));
        }
        outcome
    }
}

/// Why there is no connection.
fn outage(error: PoolError) -> StoreError {
    match error {
        PoolError::Backend(source) => unavailable(source),
        PoolError::Timeout(TimeoutType::Wait) => {
            unavailable("every connection to the database was in use for too long")
        }
        PoolError::Timeout(_) => unavailable("the database took too long to take a connection"),
        PoolError::Closed => closed(),
        other => unavailable(other),
    }
}

fn closed() -> StoreError {
    unavailable("the store is closed")
}

/// Nothing is half done under the lock, so a panic elsewhere has spoilt nothing.
fn lock(pipe: &Mutex<Option<Shared>>) -> std::sync::MutexGuard<'_, Option<Shared>> {
    pipe.lock().unwrap_or_else(PoisonError::into_inner)
}
