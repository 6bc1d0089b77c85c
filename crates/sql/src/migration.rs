//! The one migration set, and the lease under which it runs.
//!
//! refinery takes no lock of its own, and without being told otherwise it records a migration in another transaction
//! than the one that ran it. Engines therefore hold the lease and run every file grouped with its record.

use std::time::Duration;

use vestibule_core::{
    ports::{clock::Timestamp, store::StoreError},
    values::secret::random_bytes,
};

use crate::{
    statement::statements,
    tx::{Tx, row},
};

mod embedded {
    refinery::embed_migrations!("../../migrations");
}

/// Where refinery keeps what it applied.
pub(crate) const HISTORY: &str = "vestibule_migration";

/// The table of the lease; an engine makes it before it asks for the lease.
pub(crate) const CREATE_LEASE_TABLE: &str = "CREATE TABLE IF NOT EXISTS migration_lease \
     (id BIGINT NOT NULL PRIMARY KEY, holder TEXT NOT NULL, held_until BIGINT NOT NULL)";

/// Which migrations a database has and which it lacks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MigrationStatus {
    /// Those that have been applied, in order, for example `V1__accounts`.
    pub applied: Vec<String>,
    /// Those that have not.
    pub pending: Vec<String>,
}

impl MigrationStatus {
    /// What a database with these versions has and lacks.
    pub(crate) fn of(applied: &[i64]) -> Self {
        let (applied, pending) =
            known().into_iter().partition::<Vec<_>, _>(|known| applied.contains(&known.0));
        Self { applied: names(applied), pending: names(pending) }
    }
}

/// The names of migrations, as their files have them.
pub(crate) fn names(migrations: Vec<(i64, String)>) -> Vec<String> {
    migrations.into_iter().map(|(version, name)| format!("V{version}__{name}")).collect()
}

row! { LeaseRow { holder: String } }
row! { AppliedRow { version: i64, checksum: String } }

statements! {
    TAKE_LEASE: LeaseRow =
        "INSERT INTO migration_lease (id, holder, held_until) VALUES (1, $1, $2) ON CONFLICT (id) DO UPDATE \
         SET holder = excluded.holder, held_until = excluded.held_until \
         WHERE migration_lease.held_until <= $3 RETURNING holder";
    RENEW_LEASE: () = "UPDATE migration_lease SET held_until = $2 WHERE id = 1 AND holder = $1";
    RETURN_LEASE: () = "DELETE FROM migration_lease WHERE id = 1 AND holder = $1";
    LIST_APPLIED: AppliedRow =
        "SELECT CAST(version AS BIGINT) AS version, CAST(checksum AS TEXT) AS checksum FROM vestibule_migration \
         ORDER BY version";
}

/// After this long the holder of a lease is taken for dead.
pub(crate) const LEASE: Duration = Duration::from_secs(30);
/// How long to wait for somebody else's lease: longer than a dead process can hold it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(40);
/// How often to ask for it.
pub(crate) const PAUSE: Duration = Duration::from_millis(20);

/// A name for whoever takes the lease.
pub(crate) fn new_holder() -> String {
    format!("{:032x}", u128::from_be_bytes(random_bytes()))
}

/// Takes the lease if nobody holds it, or its holder has been gone for too long.
pub(crate) async fn take_lease<T: Tx>(
    tx: &mut T,
    holder: &str,
    now: Timestamp,
    until: Timestamp,
) -> Result<bool, StoreError> {
    let taken = tx.opt(&TAKE_LEASE, &[holder.into(), until.into(), now.into()]).await?;
    Ok(taken.is_some_and(|row| row.holder == holder))
}

/// Lengthens the lease; says whether it was still ours.
#[cfg(feature = "postgres")]
pub(crate) async fn renew_lease<T: Tx>(
    tx: &mut T,
    holder: &str,
    until: Timestamp,
) -> Result<bool, StoreError> {
    Ok(tx.exec(&RENEW_LEASE, &[holder.into(), until.into()]).await? > 0)
}

/// Gives the lease back.
pub(crate) async fn return_lease<T: Tx>(tx: &mut T, holder: &str) -> Result<(), StoreError> {
    tx.exec(&RETURN_LEASE, &[holder.into()]).await.map(drop)
}

/// The migrations that have been applied, in order.
pub(crate) async fn list_applied<T: Tx>(tx: &mut T) -> Result<Vec<AppliedRow>, StoreError> {
    tx.all(&LIST_APPLIED, &[]).await
}

/// Why a binary leaves a database alone.
pub(crate) enum Mismatch {
    /// Version `found` was applied, and this binary knows `known`.
    Newer { found: i64, known: i64 },
    /// The migration of this name is not the one this binary has.
    Altered { name: String },
}

/// The versions that were applied; one that this binary does not know, or knows otherwise, is refused.
pub(crate) fn versions(applied: &[AppliedRow]) -> Result<Vec<i64>, Mismatch> {
    let known = known().last().map_or(0, |newest| newest.0);
    if let Some(found) = applied.last().map(|newest| newest.version).filter(|found| *found > known) {
        return Err(Mismatch::Newer { found, known });
    }
    match find_altered(applied) {
        Some(name) => Err(Mismatch::Altered { name }),
        None => Ok(applied.iter().map(|row| row.version).collect()),
    }
}

/// The first applied migration that is not, byte for byte, the one this binary knows under its version.
fn find_altered(applied: &[AppliedRow]) -> Option<String> {
    let runner = runner();
    let is_altered = |migration: &&refinery::Migration| {
        let version = i64::from(migration.version());
        applied.iter().any(|row| row.version == version && row.checksum != migration.checksum().to_string())
    };
    let altered = runner.get_migrations().iter().filter(is_altered).min_by_key(|known| known.version());
    altered.map(|migration| format!("V{}__{}", migration.version(), migration.name()))
}

/// The migrations this binary knows, in order, as version and name.
pub(crate) fn known() -> Vec<(i64, String)> {
    let mut known: Vec<_> = runner()
        .get_migrations()
        .iter()
        .map(|migration| (i64::from(migration.version()), migration.name().to_owned()))
        .collect();
    known.sort();
    known
}

/// The tables that the migrations make.
#[cfg(feature = "postgres")]
pub(crate) fn tables() -> impl Iterator<Item = String> {
    let texts: Vec<_> =
        runner().get_migrations().iter().filter_map(|migration| migration.sql().map(str::to_owned)).collect();
    texts.into_iter().flat_map(|text| {
        let made =
            text.lines().filter_map(|line| line.strip_prefix("CREATE TABLE ")?.split_whitespace().next());
        made.map(str::to_owned).collect::<Vec<_>>()
    })
}

/// A runner that applies each file and its record in one transaction.
pub(crate) fn runner() -> refinery::Runner {
    let mut runner = embedded::migrations::runner().set_grouped(true);
    runner.set_migration_table_name(HISTORY);
    runner
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_numbered_without_gaps() {
        let versions: Vec<_> = known().into_iter().map(|(version, _)| version).collect();
        let expected: Vec<_> = (1..=i64::try_from(versions.len()).unwrap()).collect();
        assert_eq!(versions, expected);
    }

    #[test]
    fn only_types_both_engines_know() {
        for migration in runner().get_migrations() {
            let sql = migration.sql().unwrap().to_uppercase();
            for word in
                ["INTEGER", "BLOB", "STRICT", "SERIAL", "BOOLEAN", "JSONB", "TIMESTAMP", "AUTOINCREMENT"]
            {
                let is_used = sql.split(|c: char| !c.is_ascii_alphanumeric()).any(|found| found == word);
                assert!(!is_used, "{word} in {}", migration.name());
            }
        }
    }
}
