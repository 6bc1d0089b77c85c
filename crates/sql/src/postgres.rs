//! PostgreSQL under the bodies: a bounded pool, transactions where a body needs one, and a second attempt where the
//! database asks for it.
//!
//! Nothing here is known to PostgreSQL alone, so that what speaks its protocol (`CockroachDB`, `YugabyteDB`) serves, too:
//! no sequences, no locks beyond those of a changed row, and `LISTEN` only where it exists, to be quicker than the poll.
//! Statements run under READ COMMITTED or anything stricter.

mod attempt;
mod connect;
mod dial;
mod error;
mod failure;
mod hints;
mod migrate;
mod options;
mod pool;
mod tls;
mod tx;
mod url;

#[cfg(test)]
mod tests;

use std::{
    future,
    pin::Pin,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicI64, Ordering},
    },
};

use vestibule_core::ports::store::StoreError;

use self::{
    attempt::Way, dial::Dialer, hints::Listener, migrate::Patience, pool::Connections, tx::PostgresTx,
};
pub use self::{error::OpenError, options::PostgresOptions, url::UrlError};
use crate::{
    changes,
    engine::{Body, Engine},
    migration::MigrationStatus,
    port::SqlStore,
    revocation,
};

/// The store in a PostgreSQL database.
pub type PostgresStore = SqlStore<Postgres>;

/// PostgreSQL, as an engine under the store.
#[derive(Debug)]
pub struct Postgres {
    dialer: Arc<Dialer>,
    connections: Connections,
    /// From the first time that somebody wants to hear of changes: a command does not.
    listener: OnceLock<Listener>,
    /// The sum of the stamps at the last look, or at the opening.
    seen_stamps: AtomicI64,
}

/// A future whose type is nobody's business.
type Unnamed<'a, R> = Pin<Box<dyn Future<Output = R> + Send + 'a>>;

/// Looks at a database, migrates it where need be, and checks that every statement fits it.
async fn prepare(options: &PostgresOptions) -> Result<connect::Session<'_>, OpenError> {
    let mut session = connect::Session::begin(options).await?;
    session.check_ownership().await?;
    migrate::run(&mut session, Patience::default()).await?;
    session.prepare_statements().await?;
    session.check_rights().await?;
    Ok(session)
}

impl SqlStore<Postgres> {
    /// Opens a database, migrated where need be.
    ///
    /// # Errors
    /// [`OpenError`], whose message is a sentence that says what to do.
    pub async fn open(options: PostgresOptions) -> Result<Arc<Self>, OpenError> {
        // Both hold whole conversations, which callers need not carry around with them.
        let preparing: Unnamed<'_, _> = Box::pin(prepare(&options));
        let session = preparing.await?;
        let engine = Postgres {
            connections: Connections::new(&options, &session.dialer)?,
            dialer: Arc::clone(&session.dialer),
            listener: OnceLock::new(),
            seen_stamps: AtomicI64::new(0),
        };
        let summing: Unnamed<'_, _> = Box::pin(engine.sum_stamps());
        let stamps = summing.await.map_err(|source| session.unreadable(source))?;
        engine.seen_stamps.store(stamps, Ordering::Release);
        Ok(Arc::new(Self { engine }))
    }
}

/// Applies the migrations a database lacks; says which they were.
///
/// # Errors
/// [`OpenError`], whose message is a sentence that says what to do.
pub async fn migrate(options: &PostgresOptions) -> Result<Vec<String>, OpenError> {
    let mut session = connect::Session::begin(options).await?;
    session.check_ownership().await?;
    migrate::run(&mut session, Patience::default()).await
}

/// Says which migrations a database has and lacks, and changes nothing.
///
/// # Errors
/// [`OpenError`], whose message is a sentence that says what to do.
pub async fn check_migrations(options: &PostgresOptions) -> Result<MigrationStatus, OpenError> {
    let session = connect::Session::begin(options).await?;
    session.check_ownership().await?;
    migrate::status(&session).await
}

impl Postgres {
    /// Beside the look-ups, not behind the requests that wait for a connection of their own: a busy node hears of
    /// revocations and says that it is ready like an idle one.
    async fn watch<R>(&self, body: Body<Self, (), R>) -> Result<R, StoreError> {
        attempt::run(&self.connections, Way::Watch, &(), body).await
    }

    async fn sum_stamps(&self) -> Result<i64, StoreError> {
        self.watch(|tx, ()| Box::pin(changes::sum_stamps(tx))).await
    }
}

impl Engine for Postgres {
    type Tx<'c> = PostgresTx<'c>;

    /// Without a transaction, on a connection that takes further look-ups before it has answered the first.
    async fn read<A, R>(&self, arguments: A, body: Body<Self, A, R>) -> Result<R, StoreError>
    where
        A: Send + Sync,
        R: Send,
    {
        attempt::run(&self.connections, Way::Look, &arguments, body).await
    }

    /// Without a transaction, on a connection of its own.
    async fn list<A, R>(&self, arguments: A, body: Body<Self, A, R>) -> Result<R, StoreError>
    where
        A: Send + Sync + 'static,
        R: Send + 'static,
    {
        attempt::run(&self.connections, Way::List, &arguments, body).await
    }

    /// Beside the look-ups.
    async fn list_at_once<A, R>(&self, arguments: A, body: Body<Self, A, R>) -> Result<R, StoreError>
    where
        A: Send + Sync + 'static,
        R: Send + 'static,
    {
        attempt::run(&self.connections, Way::Watch, &arguments, body).await
    }

    async fn write<A, R>(&self, arguments: A, body: Body<Self, A, R>) -> Result<R, StoreError>
    where
        A: Send + Sync + 'static,
        R: Send + 'static,
    {
        attempt::run(&self.connections, Way::Transaction, &arguments, body).await
    }

    /// Without a transaction: the database commits each statement by itself.
    async fn step<A, R>(&self, arguments: A, body: Body<Self, A, R>) -> Result<R, StoreError>
    where
        A: Send + Sync + 'static,
        R: Send + 'static,
    {
        attempt::run(&self.connections, Way::Step, &arguments, body).await
    }

    /// By the stamps; a node's own changes count, too, which costs it a read too many.
    async fn is_changed_elsewhere(&self) -> Result<bool, StoreError> {
        let stamps = self.sum_stamps().await?;
        Ok(self.seen_stamps.swap(stamps, Ordering::AcqRel) != stamps)
    }

    /// By `LISTEN`, where there is a connection to spare for it.
    async fn hear_of_changes(&self) {
        if !self.connections.may_listen() {
            return future::pending().await;
        }
        let (hints, limit) = (self.connections.hints(), self.connections.limit());
        self.listener.get_or_init(|| Listener::start(Arc::clone(&self.dialer), limit, Arc::clone(hints)));
        hints.heard().await;
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.watch(|tx, ()| {
            Box::pin(async {
                revocation::find_global_cutoff(tx).await?;
                tx.assert_writable().await
            })
        })
        .await
    }

    async fn close(&self) {
        if let Some(listener) = self.listener.get() {
            listener.stop();
        }
        self.connections.close();
    }
}
