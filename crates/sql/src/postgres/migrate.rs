//! Migrations on PostgreSQL: checked, and run by one process at a time.

use refinery::Target;
use tokio_postgres::error::SqlState;
use vestibule_core::ports::clock::{Clock, Stopwatch, SystemClock};

use super::{
    connect::Session,
    error::OpenError,
    failure::{Remedy, remedy},
};
use crate::migration::{self, MigrationStatus, Mismatch};

/// Says which migrations a database has and lacks.
pub(super) async fn status(session: &Session<'_>) -> Result<MigrationStatus, OpenError> {
    Ok(MigrationStatus::of(&applied_versions(session).await?))
}

/// Applies what is missing and says what that was; several processes that start at once apply it once.
pub(super) async fn run(session: &mut Session<'_>) -> Result<Vec<String>, OpenError> {
    if status(session).await?.pending.is_empty() {
        return Ok(Vec::new());
    }
    make_lease_table(session).await?;
    let holder = wait_for_lease(session).await?;
    let applied = apply(session).await;
    if let Err(cause) = migration::return_lease(&mut session.tx(), &holder).await {
        tracing::warn!(%cause, "the lease of the migrations was not given back; it runs out by itself");
    }
    applied
}

/// Applies file after file, each in one transaction with its record.
async fn apply(session: &mut Session<'_>) -> Result<Vec<String>, OpenError> {
    // Asked again: while we waited for the lease, its holder has probably done the work.
    let applied = applied_versions(session).await?;
    let pending: Vec<_> =
        migration::known().into_iter().filter(|known| !applied.contains(&known.0)).collect();
    for (version, _) in &pending {
        let target = i32::try_from(*version).map_or(Target::Latest, Target::Version);
        migration::runner()
            .set_target(target)
            .run_async(&mut session.client)
            .await
            .map_err(|source| OpenError::Migration { database: session.options.to_string(), source })?;
    }
    Ok(migration::names(pending))
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
    match session.execute(migration::CREATE_LEASE_TABLE).await {
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

async fn wait_for_lease(session: &Session<'_>) -> Result<String, OpenError> {
    let holder = migration::new_holder();
    let waited = Stopwatch::start();
    while waited.elapsed() < migration::PATIENCE {
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
