//! The database seen from outside: what no route can show or change.

use rusqlite::{Connection, types::Value};
use vestibule_testkit::TestApp;

fn open(app: &TestApp) -> Connection {
    Connection::open(app.database()).unwrap()
}

/// Everything that requests may change, row by row: to see that nothing was written.
pub(super) fn contents(app: &TestApp) -> Vec<String> {
    let connection = open(app);
    let mut rows = Vec::new();
    for table in ["account", "session", "global_cutoff", "signing_key", "avatar"] {
        let mut statement = connection.prepare(&format!("SELECT * FROM {table} ORDER BY 1")).unwrap();
        let columns = statement.column_count();
        let read = statement.query_map([], |row| {
            (0..columns).map(|column| row.get::<_, Value>(column)).collect::<Result<Vec<_>, _>>()
        });
        rows.extend(read.unwrap().map(|row| format!("{table}: {:?}", row.unwrap())));
    }
    rows
}

/// How many rows a query counts.
pub(super) fn count(app: &TestApp, sql: &str) -> i64 {
    open(app).query_row(sql, [], |row| row.get(0)).unwrap()
}

/// A text from the database.
pub(super) fn text(app: &TestApp, sql: &str) -> String {
    open(app).query_row(sql, [], |row| row.get(0)).unwrap()
}

/// Changes exactly one row.
pub(super) fn change(app: &TestApp, sql: &str, name: &str) {
    assert_eq!(open(app).execute(sql, [name]).unwrap(), 1, "{sql}");
}

/// Disables an account, as an administrator does.
pub(super) fn disable(app: &TestApp, username: &str) {
    change(app, "UPDATE account SET active = 0 WHERE username = ?1", username);
}

/// Makes an account an administrator's, as the operator does.
pub(super) fn promote(app: &TestApp, username: &str) {
    let sql = "UPDATE account SET permissions = '[\"admin\"]', administrates = 1 WHERE username = ?1";
    change(app, sql, username);
}

/// Takes an account's permissions away.
pub(super) fn demote(app: &TestApp, username: &str) {
    let sql = "UPDATE account SET permissions = '[]', administrates = 0 WHERE username = ?1";
    change(app, sql, username);
}

/// Takes an account's password away, as one has who only ever logs in by passkey.
pub(super) fn remove_password(app: &TestApp, username: &str) {
    change(app, "UPDATE account SET password_hash = NULL WHERE username = ?1", username);
}
