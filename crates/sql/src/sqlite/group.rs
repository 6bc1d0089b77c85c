//! A group of operations: one transaction, a savepoint each, one COMMIT.

use rusqlite::Connection;

use super::writer::Operation;

const LOST: &str = "the database gave the transaction up";

/// Runs and answers a group, which is empty afterwards; says whether it lasted.
///
/// An operation that fails loses only its own work. Where the transaction itself is lost, nobody is told anything but
/// an outage: not even those whose part had gone well.
pub(super) fn run(connection: &mut Connection, group: &mut Vec<Box<dyn Operation>>) -> bool {
    let outage = commit(connection, group).err();
    if let Some(cause) = &outage {
        tracing::error!(%cause, operations = group.len(), "a group of writes was lost");
        if !connection.is_autocommit() {
            // Where this fails too, the next BEGIN does, and everybody after us hears of an outage.
            let _ = connection.execute_batch("ROLLBACK");
        }
    }
    for operation in group.drain(..) {
        operation.answer(outage.as_deref());
    }
    outage.is_none()
}

fn commit(connection: &mut Connection, group: &mut [Box<dyn Operation>]) -> Result<(), String> {
    execute(connection, "BEGIN IMMEDIATE")?;
    for operation in group {
        execute(connection, "SAVEPOINT operation")?;
        let is_good = operation.run(connection);
        // SQLite may roll everything back by itself: disk full, I/O error, out of memory. What ran before is lost then,
        // and what ran after would commit by itself, statement by statement.
        if connection.is_autocommit() {
            return Err(LOST.to_owned());
        }
        if !is_good {
            execute(connection, "ROLLBACK TO operation")?;
        }
        execute(connection, "RELEASE operation")?;
    }
    execute(connection, "COMMIT")
}

fn execute(connection: &Connection, sql: &str) -> Result<(), String> {
    let run = connection.prepare_cached(sql).and_then(|mut statement| statement.raw_execute());
    run.map(drop).map_err(|cause| cause.to_string())
}
