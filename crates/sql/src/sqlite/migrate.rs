//! Migrations on SQLite: checked, and run by one process at a time.

use std::{path::Path, thread, time::Duration};

use refinery::Target;
use rusqlite::Connection;
use vestibule_core::{
    ports::clock::{Clock, Stopwatch, SystemClock},
    values::secret::random_bytes,
};

use super::{
    connect,
    error::OpenError,
    tx::{SqliteTx, run_now},
};
use crate::migration;

/// After this long the holder of a lease is taken for dead.
const LEASE: Duration = Duration::from_secs(30);
/// How long to wait for somebody else's lease: longer than a dead process can hold it.
const PATIENCE: Duration = Duration::from_secs(40);
/// How often to ask for it.
const PAUSE: Duration = Duration::from_millis(20);

/// Which migrations a database has and which it lacks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MigrationStatus {
    /// Those that have been applied, in order, for example `V1__accounts`.
    pub applied: Vec<String>,
    /// Those that have not.
    pub pending: Vec<String>,
}

/// Says which migrations a database has and lacks.
pub(super) fn status(connection: &mut Connection, path: &Path) -> Result<MigrationStatus, OpenError> {
    let applied = applied_versions(connection, path)?;
    let (applied, pending) =
        migration::known().into_iter().partition::<Vec<_>, _>(|known| applied.contains(&known.0));
    Ok(MigrationStatus { applied: names(applied), pending: names(pending) })
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

/// Applies file after file, each in one transaction with its record.
fn apply(connection: &mut Connection, path: &Path) -> Result<Vec<String>, OpenError> {
    // Asked again: while we waited for the lease, its holder has probably done the work.
    let applied = applied_versions(connection, path)?;
    let pending: Vec<_> =
        migration::known().into_iter().filter(|known| !applied.contains(&known.0)).collect();
    for (version, _) in &pending {
        let target = i32::try_from(*version).map_or(Target::Latest, Target::Version);
        migration::runner()
            .set_target(target)
            .run(connection)
            .map_err(|source| OpenError::Migration { path: path.to_owned(), source })?;
    }
    Ok(names(pending))
}

/// The versions in the database; one that this binary does not know, or knows otherwise, is refused.
fn applied_versions(connection: &mut Connection, path: &Path) -> Result<Vec<i64>, OpenError> {
    let has_history = connect::has_history(connection);
    if !has_history.map_err(|source| OpenError::from_engine(path, source))? {
        return Ok(Vec::new());
    }
    let applied = run_now(migration::list_applied(&mut SqliteTx::new(connection)))
        .map_err(|source| OpenError::Unreadable { path: path.to_owned(), source })?;
    let known = migration::known().last().map_or(0, |newest| newest.0);
    if let Some(found) = applied.last().map(|newest| newest.version).filter(|found| *found > known) {
        return Err(OpenError::Newer { path: path.to_owned(), found, known });
    }
    if let Some(name) = migration::find_altered(&applied) {
        return Err(OpenError::Altered { path: path.to_owned(), name });
    }
    Ok(applied.into_iter().map(|row| row.version).collect())
}

fn wait_for_lease(connection: &mut Connection, path: &Path) -> Result<String, OpenError> {
    let holder = format!("{:032x}", u128::from_be_bytes(random_bytes()));
    let waited = Stopwatch::start();
    while waited.elapsed() < PATIENCE {
        let now = SystemClock.now();
        let mut tx = SqliteTx::new(connection);
        let taken = run_now(migration::take_lease(&mut tx, &holder, now, now.plus(LEASE)));
        if taken.map_err(|source| OpenError::Unreadable { path: path.to_owned(), source })? {
            return Ok(holder);
        }
        thread::sleep(PAUSE);
    }
    Err(OpenError::StillMigrating { path: path.to_owned() })
}

fn names(migrations: Vec<(i64, String)>) -> Vec<String> {
    migrations.into_iter().map(|(version, name)| format!("V{version}__{name}")).collect()
}
