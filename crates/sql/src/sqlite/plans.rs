//! Tests of the registry: every statement fits its row type, and none reads more than it must.

use rusqlite::{Connection, StatementStatus};
use tempfile::TempDir;

use crate::{
    statement::registry,
    tx::{Column, ColumnType},
};

fn migrated() -> (TempDir, Connection) {
    let folder = tempfile::tempdir().unwrap();
    let (connection, _) =
        super::open_migrated(&folder.path().join("vestibule.db"), super::Medium::Disk).unwrap();
    (folder, connection)
}

fn declared_type(name: &str) -> ColumnType {
    match name {
        "BIGINT" => ColumnType::Integer,
        "TEXT" => ColumnType::Text,
        "BYTEA" => ColumnType::Bytes,
        other => panic!("{other} is no type of ours"),
    }
}

#[test]
fn every_statement_answers_with_the_columns_of_its_row() {
    let (_folder, connection) = migrated();
    for known in registry() {
        let prepared =
            connection.prepare(known.numbered).unwrap_or_else(|cause| panic!("{}: {cause}", known.name));
        let found: Vec<_> = prepared.columns().map(|column| column.name().to_owned()).collect();
        let expected: Vec<_> = known.columns.iter().map(|column| column.name).collect();
        assert_eq!(found, expected, "{}", known.name);
        // What SQLite computes has no declared type.
        let typed = prepared.columns().zip(&known.columns).filter_map(|(found, Column { kind, .. })| {
            found.decl_type().map(|declared| (declared_type(declared), *kind))
        });
        for (declared, expected) in typed.collect::<Vec<_>>() {
            assert_eq!(declared, expected, "{}", known.name);
        }
    }
}

#[test]
fn every_statement_stays_inside_what_both_engines_speak() {
    for known in registry() {
        let text = known.sql.to_uppercase();
        for foreign in [
            "FOR UPDATE",
            "NOW()",
            "ILIKE",
            "SERIAL",
            "LEAST(",
            "GREATEST(",
            "JSON",
            "IFNULL",
            "ANY(",
            "OR IGNORE",
        ] {
            assert!(!text.contains(foreign), "{foreign} in {}", known.name);
        }
    }
}

#[test]
fn a_connection_has_room_for_every_statement() {
    // One that gives way to another is planned anew each time it is run.
    assert!(registry().len() + 8 < super::connect::STATEMENTS, "{}", registry().len());
}

#[test]
fn no_statement_has_two_names() {
    let mut names: Vec<_> = registry().into_iter().map(|known| known.name).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
}

#[test]
fn nothing_scans_what_grows() {
    let (_folder, connection) = migrated();
    for known in registry() {
        // In the order of an index, and ended by its LIMIT.
        let may_walk_an_index =
            ["LIST_AUDIT", "LIST_ACCOUNTS", "COUNT_ACCOUNTS", "COUNT_ERRANDS"].contains(&known.name);
        for detail in plan(&connection, known.numbered) {
            let grows = [
                "account",
                "listed",
                "session",
                "audit_event",
                "username_part",
                "mailed_link",
                "avatar",
                "known_device",
                "errand",
            ];
            let scans = grows.iter().any(|table| {
                detail.starts_with(&format!("SCAN {table}"))
                    && !(may_walk_an_index && detail.contains(" INDEX "))
            });
            assert!(!scans, "{}: {detail}", known.name);
            assert!(!may_walk_an_index || !detail.contains("TEMP B-TREE"), "{}: {detail}", known.name);
        }
    }
}

/// A range of the parts, in the order of their index, and then the few accounts of one page.
#[test]
fn a_search_reads_one_range_of_an_index() {
    let (_folder, connection) = migrated();
    for name in ["COUNT_MATCHES", "LIST_MATCHES"] {
        let known = registry().into_iter().find(|known| known.name == name).unwrap();
        let steps = plan(&connection, known.numbered);
        let range =
            "SEARCH username_part USING COVERING INDEX sqlite_autoindex_username_part_1 (part>? AND part<?)";
        assert!(steps.iter().any(|step| step == range), "{name}: {steps:?}");
        let accounts = steps.iter().filter(|step| step.contains(" account")).collect::<Vec<_>>();
        assert!(
            accounts.iter().all(|step| step.ends_with("INDEX sqlite_autoindex_account_1 (id=?)")),
            "{steps:?}"
        );
    }
}

/// A page costs what it holds, however many are left behind it: they were all sorted for every page.
#[test]
fn a_page_of_changes_costs_what_it_holds() {
    let (_folder, connection) = migrated();
    connection
        .execute_batch(
            "WITH RECURSIVE numbered(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbered \
             WHERE n < 5000) INSERT INTO session (id, account_id, generation, scope, created_at, authenticated_at, refreshed_at, expires_at, ends_at, \
             access_until, revoked_at, address, user_agent, change_number) \
             SELECT CAST(printf('%016d', n) AS BLOB), CAST('account' AS BLOB), 0, '', 0, 0, 0, 9000, 9000, 9000, 1, \
             '', '', n FROM numbered; ANALYZE",
        )
        .unwrap();
    let known = registry().into_iter().find(|known| known.name == "LIST_CHANGES").unwrap();
    let mut statement = connection.prepare(known.numbered).unwrap();
    statement.raw_bind_parameter(1, 0).unwrap();
    statement.raw_bind_parameter(2, [0_u8; 16].as_slice()).unwrap();
    for (position, value) in [(3, 5000), (4, 1), (5, 10)] {
        statement.raw_bind_parameter(position, value).unwrap();
    }
    let mut rows = statement.raw_query();
    let mut count = 0;
    while rows.next().unwrap().is_some() {
        count += 1;
    }
    drop(rows);
    assert_eq!(count, 10);
    let steps = statement.get_status(StatementStatus::VmStep);
    assert!(steps < 5000, "{steps} steps for ten of them");
}

/// A bound value that could decide on a plan made SQLite plan the statement anew at every execution: half of a login's
/// work in the store.
#[test]
fn every_statement_is_planned_once_whatever_is_bound() {
    let (_folder, connection) = migrated();
    for known in registry() {
        let mut statement = connection.prepare(known.numbered).unwrap();
        for value in [1, 2, 3] {
            for position in 1..=statement.parameter_count() {
                statement.raw_bind_parameter(position, value).unwrap();
            }
            let mut rows = statement.raw_query();
            // What these values do, or why they are refused, does not matter here.
            while let Ok(Some(_)) = rows.next() {}
        }
        assert_eq!(statement.get_status(StatementStatus::RePrepare), 0, "{}", known.name);
    }
}

fn plan(connection: &Connection, sql: &str) -> Vec<String> {
    let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    for position in 1..=statement.parameter_count() {
        statement.raw_bind_parameter(position, 1).unwrap();
    }
    let mut rows = statement.raw_query();
    let mut details = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        details.push(row.get(3).unwrap());
    }
    details
}
