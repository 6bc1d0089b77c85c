//! The connections: a bounded pool, and a few of its connections that answer look-ups for everybody.

mod lease;

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use deadpool::managed::{self, Metrics, Object, QueueMode, RecycleError, RecycleResult, TimeoutType};
use deadpool_postgres::{ClientWrapper, Runtime};
use tokio::{sync::Notify, time::timeout};
use vestibule_core::ports::store::StoreError;

pub(super) use self::lease::Lease;
use super::{
    dial::{Dialer, Unreached},
    error::OpenError,
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

/// How long somebody waits for a connection to be returned before asking again for another one.
const FULL_PAUSE: Duration = Duration::from_millis(200);

/// A connection that many look up on at once; it is closed when the last of them has let go of it.
pub(super) type Shared = Arc<ClientWrapper>;
type Pool = managed::Pool<Maker>;

/// Makes the connections of a pool. How long that takes is the dialer's affair.
#[derive(Debug)]
struct Maker(Arc<Dialer>);

impl Maker {
    async fn connect(&self) -> Result<ClientWrapper, Unreached> {
        let (client, line) = self.0.dial().await?;
        Ok(ClientWrapper::new(client, tokio::spawn(line.carry())))
    }
}

impl managed::Manager for Maker {
    type Type = ClientWrapper;
    type Error = Unreached;

    async fn create(&self) -> Result<ClientWrapper, Unreached> {
        self.connect().await
    }

    async fn recycle(&self, client: &mut ClientWrapper, _: &Metrics) -> RecycleResult<Unreached> {
        if client.is_closed() { Err(RecycleError::message("it was closed")) } else { Ok(()) }
    }
}

/// A connection that is shared, and the turn of whoever makes another one.
#[derive(Debug, Default)]
struct Pipe {
    open: Mutex<Option<Shared>>,
    turn: tokio::sync::Mutex<()>,
}

impl Pipe {
    fn open(&self) -> Option<Shared> {
        lock(&self.open).clone().filter(|shared| !shared.is_closed())
    }

    /// The connection, if nobody is using it.
    fn idle(&self) -> Option<Shared> {
        let open = lock(&self.open);
        open.as_ref().filter(|shared| Arc::strong_count(shared) == 1 && !shared.is_closed()).cloned()
    }
}

/// All connections of a store.
#[derive(Debug)]
pub(super) struct Connections {
    pool: Pool,
    /// One connection for what must not wait behind requests, where nothing is shared; none where there is but one.
    apart: Option<Pool>,
    pipes: Vec<Pipe>,
    maker: Maker,
    next: AtomicUsize,
    is_prepared: bool,
    limit: Duration,
    acquire_timeout: Duration,
    hints: Arc<Hints>,
    may_listen: bool,
    /// Who waits for a connection that the database does not make.
    returned: Arc<Notify>,
}

impl Connections {
    pub(super) fn new(options: &PostgresOptions, dialer: &Arc<Dialer>) -> Result<Self, OpenError> {
        // Behind a pooler every statement may run on another connection: there is nothing to share or to listen on.
        let has_spare = options.prepared && options.connections.get() >= LEAST_WITH_SPARE;
        let (pipes, listeners) = if has_spare { (PIPES, LISTENERS) } else { (0, 0) };
        let apart = usize::from(!has_spare && options.connections.get() > 1);
        let pool = |size| {
            let pool = Pool::builder(Maker(Arc::clone(dialer)))
                .max_size(size)
                // The one used last: its process is still awake, and its caches are warm.
                .queue_mode(QueueMode::Lifo)
                .wait_timeout(Some(options.acquire_timeout))
                .runtime(Runtime::Tokio1);
            pool.build().map_err(|source| OpenError::engine(options, source))
        };
        Ok(Self {
            pool: pool(options.connections.get() - pipes - listeners - apart)?,
            apart: if apart > 0 { Some(pool(apart)?) } else { None },
            pipes: (0..pipes).map(|_| Pipe::default()).collect(),
            maker: Maker(Arc::clone(dialer)),
            next: AtomicUsize::new(0),
            is_prepared: options.prepared,
            limit: options.client_limit(),
            acquire_timeout: options.acquire_timeout,
            hints: Arc::default(),
            may_listen: has_spare,
            returned: Arc::default(),
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
        let asking = async {
            loop {
                match self.pool.get().await {
                    // The database makes no further one, but those that there are come back: ours, which may just be
                    // being made, or those of others.
                    Err(managed::PoolError::Backend(unreached)) if unreached.is_full() => {
                        let _ = timeout(FULL_PAUSE, self.returned.notified()).await;
                    }
                    outcome => return outcome,
                }
            }
        };
        let outcome = timeout(self.acquire_timeout + FULL_PAUSE, asking).await;
        let client =
            outcome.unwrap_or(Err(managed::PoolError::Timeout(TimeoutType::Wait))).map_err(outage)?;
        Ok(self.lend(client))
    }

    fn lend(&self, client: Object<Maker>) -> Lease {
        Lease::new(client, &self.returned)
    }

    /// The same, beside the requests where there is a connection to spare.
    pub(super) async fn lease_apart(&self) -> Result<Lease, StoreError> {
        let Some(apart) = &self.apart else { return self.lease().await };
        match apart.get().await {
            Err(managed::PoolError::Backend(unreached)) if unreached.is_full() => self.lease().await,
            outcome => Ok(self.lend(outcome.map_err(outage)?)),
        }
    }

    /// A connection to share, where there are any.
    pub(super) async fn shared(&self) -> Result<Option<Shared>, StoreError> {
        if self.pool.is_closed() {
            return Err(closed());
        }
        if let Some(idle) = self.pipes.iter().find_map(Pipe::idle) {
            return Ok(Some(idle));
        }
        let turn = self.next.fetch_add(1, Ordering::Relaxed) % self.pipes.len().max(1);
        let Some(pipe) = self.pipes.get(turn) else { return Ok(None) };
        if let Some(shared) = pipe.open() {
            return Ok(Some(shared));
        }
        let turn = timeout(self.acquire_timeout, pipe.turn.lock()).await;
        let _turn = turn.map_err(|_| unavailable("the database took too long to take a connection"))?;
        // Whoever had the turn before has made one.
        if let Some(shared) = pipe.open() {
            return Ok(Some(shared));
        }
        match self.maker.connect().await {
            Ok(made) => Ok(Some(Arc::clone(lock(&pipe.open).insert(Arc::new(made))))),
            // The other one, or whatever is returned to the pool.
            Err(unreached) if unreached.is_full() => Ok(self.pipes.iter().find_map(Pipe::open)),
            Err(unreached) => Err(unavailable(unreached)),
        }
    }

    /// Shares a connection no longer.
    pub(super) fn forget(&self, shared: &Shared) {
        for pipe in &self.pipes {
            let mut pipe = lock(&pipe.open);
            if pipe.as_ref().is_some_and(|known| Arc::ptr_eq(known, shared)) {
                pipe.take();
            }
        }
    }

    /// Gives up every connection that nobody uses.
    pub(super) fn forget_all(&self) {
        self.drop_pipes();
        for pool in self.pools() {
            pool.retain(|_, _| false);
        }
    }

    /// Closes them; later calls are outages.
    pub(super) fn close(&self) {
        for pool in self.pools() {
            pool.close();
        }
        self.drop_pipes();
    }

    fn drop_pipes(&self) {
        for pipe in &self.pipes {
            drop(lock(&pipe.open).take());
        }
    }

    fn pools(&self) -> impl Iterator<Item = &Pool> {
        std::iter::once(&self.pool).chain(&self.apart)
    }
}

/// Why there is no connection.
fn outage(error: managed::PoolError<Unreached>) -> StoreError {
    match error {
        managed::PoolError::Backend(source) => unavailable(source),
        managed::PoolError::Timeout(TimeoutType::Wait) => {
            unavailable("every connection to the database was in use for too long")
        }
        managed::PoolError::Closed => closed(),
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
