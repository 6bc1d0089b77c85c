//! Migrations on PostgreSQL: checked, and run by one process at a time.

use std::{sync::Arc, time::Duration};

use refinery::Target;
use tokio::time::timeout;
use tokio_postgres::error::SqlState;
use vestibule_core::ports::clock::{Clock, Stopwatch, SystemClock};

use super::{
    connect::Session,
    dial::Dialer,
    error::OpenError,
    failure::{Remedy, remedy},
    options::PostgresOptions,
};
use crate::migration::{self, MigrationStatus, Mismatch};

/// How much longer than the server's own limit a file is waited for.
const MARGIN: Duration = Duration::from_secs(1);

/// How long is waited for what may rightly take long. Everything else here is a statement and has its limit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// For the lease of another process.
    pub(super) lease: Duration,
    /// For one file: a big table may have to be written anew, under a lock that nobody must hold for ever.
    pub(super) file: Duration,
    /// Between one lengthening of our own lease and the next, so that it lasts as long as the work and no longer.
    pub(super) renewal: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { lease: migration::PATIENCE, file: Duration::from_mins(15), renewal: Duration::from_secs(5) }
    }
}

/// Says which migrations a database has and lacks.
pub(super) async fn status(session: &Session<'_>) -> Result<MigrationStatus, OpenError> {
    Ok(MigrationStatus::of(&applied_versions(session).await?))
}

/// Applies what is missing and says what that was; several processes that start at once apply it once.
pub(super) async fn run(session: &mut Session<'_>, patience: Patience) -> Result<Vec<String>, OpenError> {
    if status(session).await?.pending.is_empty() {
        return Ok(Vec::new());
    }
    make_lease_table(session).await?;
    let holder = wait_for_lease(session, patience.lease).await?;
    let (options, dialer) = (session.options, Arc::clone(&session.dialer));
    let applied = tokio::select! {
        applied = apply(session, patience.file) => applied,
        given_up = keep_lease(options, &dialer, &holder, patience.renewal) => Err(given_up),
    };
    if let Err(cause) = migration::return_lease(&mut session.tx(), &holder).await {
        tracing::warn!(%cause, "the lease of the migrations was not given back; it runs out by itself");
    }
    applied
}
/// Applies file after file, each in one transaction with its record.
async fn apply(session: &mut Session<'_>, limit: Duration) -> Result<Vec<String>, OpenError> {
    // Asked again: while we waited for the lease, its holder has probably done the work.
    let applied = applied_versions(session).await?;
    let pending: Vec<_> =
        migration::known().into_iter().filter(|known| !applied.contains(&known.0)).collect();
    // The server's own limit is for statements that answer requests; a pooler would keep ours for somebody else.
    let has_limit = session.options.prepared && !pending.is_empty();
    if has_limit {
        set(session, &format!("SET statement_timeout = {}", limit.as_millis())).await?;
    }
    for (version, _) in &pending {
        let target = i32::try_from(*version).map_or(Target::Latest, Target::Version);
        let runner = migration::runner().set_target(target);
        let applying = timeout(limit + MARGIN, runner.run_async(&mut session.client)).await;
        let applied = applying.map_err(|_| OpenError::silent(session.options, limit + MARGIN))?;
        applied.map_err(|source| OpenError::from_migrating(session.options, source))?;
    }
    if has_limit {
        set(session, "RESET statement_timeout").await?;
    }
    Ok(migration::names(pending))
}

async fn set(session: &Session<'_>, sql: &str) -> Result<(), OpenError> {
    session.execute(sql).await?.map_err(|error| OpenError::from_engine(session.options, &error))
}

/// Lengthens the lease again and again; why that could not go on.
///
/// Over connections of its own, because the one that migrates is busy. A process that no longer gets through to the
/// database gives its work up before others take it for dead.
async fn keep_lease(
    options: &PostgresOptions,
    dialer: &Arc<Dialer>,
    holder: &str,
    pause: Duration,
) -> OpenError {
    let mut kept = Stopwatch::start();
    loop {
        tokio::time::sleep(pause).await;
        match renew_lease(options, dialer, holder).await {
            Ok(true) => kept = Stopwatch::start(),
            Ok(false) => return OpenError::LeaseLost { database: options.to_string() },
            Err(_) if kept.elapsed() < migration::LEASE / 2 => {}
            Err(error) => return error,
        }
    }
}

/// Whether the lease was still ours, and is for longer now.
async fn renew_lease(
    options: &PostgresOptions,
    dialer: &Arc<Dialer>,
    holder: &str,
) -> Result<bool, OpenError> {
    let beside = Session::over(options, Arc::clone(dialer)).await?;
    let until = SystemClock.now().plus(migration::LEASE);
    let renewed = migration::renew_lease(&mut beside.tx(), holder, until).await;
    renewed.map_err(|source| beside.unreadable(source))
}

/// The versions in the database; one that this binary does not know, or knows otherwise, is refused.
async fn applied_versions(session: &Session<'_>) -> Result<Vec<i64>, OpenError> {
    if !session.has_table(migration::HISTORY).await? {
        return Ok(Vec::new());
    }
    let applied = migration::list_applied(&mut session.tx()).await;
    let applied = applied.map_err(|source| session.unreadable(source))?;
    migration::versions(&applied).map_err(|mismatch| {
        let database = session.options.to_string();
        match mismatch {
            Mismatch::Newer { found, known } => OpenError::Newer { database, found, known },
            Mismatch::Altered { name } => OpenError::Altered { database, name },
        }
    })
}

async fn make_lease_table(session: &Session<'_>) -> Result<(), OpenError> {
    match session.execute(migration::CREATE_LEASE_TABLE).await? {
        Ok(()) => Ok(()),
        // IF NOT EXISTS looks first and makes then: of several at once, one may hear this. The table is there.
        Err(error)
            if [&SqlState::UNIQUE_VIOLATION, &SqlState::DUPLICATE_TABLE, &SqlState::DUPLICATE_OBJECT]
                .iter()
                .any(|&code| error.code() == Some(code)) =>
        {
            Ok(())
        }
        Err(error) => Err(OpenError::from_engine(session.options, &error)),
    }
}

async fn wait_for_lease(session: &Session<'_>, patience: Duration) -> Result<String, OpenError> {
    let holder = migration::new_holder();
    let waited = Stopwatch::start();
    while waited.elapsed() < patience {
        let now = SystemClock.now();
        let taken = migration::take_lease(&mut session.tx(), &holder, now, now.plus(migration::LEASE)).await;
        match taken {
            Ok(true) => return Ok(holder),
            Ok(false) => {}
            // Under SERIALIZABLE, of those that ask at once all but one hear this.
            Err(conflict) if remedy(&conflict) == Remedy::Again => {}
            Err(source) => return Err(session.unreadable(source)),
        }
        tokio::time::sleep(migration::PAUSE).await;
    }
    Err(OpenError::StillMigrating { database: session.options.to_string() })
}
