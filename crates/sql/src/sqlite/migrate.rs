//! Migrations on SQLite: checked, and run by one process at a time.

use std::{path::Path, thread};

use refinery::Target;
use rusqlite::Connection;
use vestibule_core::ports::clock::{Clock, Stopwatch, SystemClock};

use super::{
    connect,
    error::OpenError,
    tx::{SqliteTx, run_now},
};
use crate::migration::{self, MigrationStatus, Mismatch};

/// Says which migrations a database has and lacks.
pub(super) fn status(connection: &mut Connection, path: &Path) -> Result<MigrationStatus, OpenError> {
    Ok(MigrationStatus::of(&applied_versions(connection, path)?))
}

/// Applies what is missing and says what that was; several processes that start at once apply it once.
pub(super) fn run(connection: &mut Connection, path: &Path) -> Result<Vec<String>, OpenError> {
    if status(connection, path)?.pending.is_empty() {
        return Ok(Vec::new());
    }
    let holder = wait_for_lease(connection, path)?;
    let applied = apply(connection, path);
    let returned = run_now(migration::return_lease(&mut SqliteTx::new(connection), &holder));
    if let Err(cause) = returned {
        tracing::warn!(%cause, "the lease of the migrations was not given back; it runs out by itself");
    }
    applied
}

/// Applies file after file, each in one transaction with its record; to a new database all in one, so that its first start
/// waits for the disk once.
fn apply(connection: &mut Connection, path: &Path) -> Result<Vec<String>, OpenError> {
    // Asked again: while we waited for the lease, its holder has probably done the work.
    let applied = applied_versions(connection, path)?;
    let pending: Vec<_> =
        migration::known().into_iter().filter(|known| !applied.contains(&known.0)).collect();
    let mut run_until = |target| {
        let run = migration::runner().set_target(target).run(connection);
        run.map_err(|source| OpenError::Migration { path: path.to_owned(), source })
    };
    if applied.is_empty() {
        run_until(Target::Latest)?;
        return Ok(migration::names(pending));
    }
    for (version, _) in &pending {
        run_until(i32::try_from(*version).map_or(Target::Latest, Target::Version))?;
    }
    Ok(migration::names(pending))
}

/// The versions in the database; one that this binary does not know, or knows otherwise, is refused.
fn applied_versions(connection: &mut Connection, path: &Path) -> Result<Vec<i64>, OpenError> {
    let has_history = connect::has_history(connection);
    if !has_history.map_err(|source| OpenError::from_engine(path, source))? {
        return Ok(Vec::new());
    }
    let applied = run_now(migration::list_applied(&mut SqliteTx::new(connection)))
        .map_err(|source| OpenError::Unreadable { path: path.to_owned(), source })?;
    migration::versions(&applied).map_err(|mismatch| {
        let path = path.to_owned();
        match mismatch {
            Mismatch::Newer { found, known } => OpenError::Newer { path, found, known },
            Mismatch::Altered { name } => OpenError::Altered { path, name },
        }
    })
}

fn wait_for_lease(connection: &mut Connection, path: &Path) -> Result<String, OpenError> {
    let holder = migration::new_holder();
    let waited = Stopwatch::start();
    while waited.elapsed() < migration::PATIENCE {
        let now = SystemClock.now();
        let mut tx = SqliteTx::new(connection);
        let taken = run_now(migration::take_lease(&mut tx, &holder, now, now.plus(migration::LEASE)));
        if taken.map_err(|source| OpenError::Unreadable { path: path.to_owned(), source })? {
            return Ok(holder);
        }
        thread::sleep(migration::PAUSE);
    }
    Err(OpenError::StillMigrating { path: path.to_owned() })
}
