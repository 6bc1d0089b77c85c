//! Tests of the registry on PostgreSQL: every statement fits its row type, and none reads more than it must.

mod waits;

use tokio_postgres::{Client, Statement, types::Type};
use vestibule_testkit::servers::{Database, PostgresServer};

use super::{
    PostgresOptions,
    connect::Session,
    migrate::{self, Patience},
};
use crate::{
    statement::{Description, registry},
    tx::ColumnType,
};

async fn migrated(options: &PostgresOptions) -> Session<'_> {
    let mut session = Session::begin(options).await.unwrap();
    migrate::run(&mut session, Patience::default()).await.unwrap();
    session
}

fn options(database: &Database<'_>) -> PostgresOptions {
    PostgresOptions::parse(&database.url()).unwrap()
}

fn expected_type(kind: ColumnType) -> Type {
    match kind {
        ColumnType::Integer => Type::INT8,
        ColumnType::Text => Type::TEXT,
        ColumnType::Bytes => Type::BYTEA,
    }
}

/// Whether a column of a table can be NULL; nothing is known of what is computed.
async fn nullability(client: &Client, prepared: &Statement) -> Vec<Option<bool>> {
    let sql = "SELECT attnotnull FROM pg_attribute WHERE attrelid = $1 AND attnum = $2";
    let mut found = Vec::new();
    for column in prepared.columns() {
        found.push(match column.table_oid().zip(column.column_id()) {
            Some((table, number)) => {
                Some(!client.query_one(sql, &[&table, &number]).await.unwrap().get::<_, bool>(0))
            }
            None => None,
        });
    }
    found
}

#[tokio::test]
async fn every_statement_answers_with_the_columns_of_its_row() {
    let database = PostgresServer::shared().fresh_database();
    let options = options(&database);
    let session = migrated(&options).await;
    for known in registry() {
        let prepared = session.client.prepare(known.sql).await;
        let prepared = prepared.unwrap_or_else(|cause| panic!("{}: {cause:?}", known.name));
        for parameter in prepared.params() {
            assert!([Type::INT8, Type::TEXT, Type::BYTEA].contains(parameter), "{}: {parameter}", known.name);
        }
        let found: Vec<_> =
            prepared.columns().iter().map(|column| (column.name(), column.type_().clone())).collect();
        let expected: Vec<_> =
            known.columns.iter().map(|column| (column.name, expected_type(column.kind))).collect();
        assert_eq!(found, expected, "{}", known.name);
        for (column, is_nullable) in known.columns.iter().zip(nullability(&session.client, &prepared).await) {
            let agrees = is_nullable.is_none_or(|is_nullable| is_nullable == column.is_nullable);
            assert!(agrees, "{}: {}", known.name, column.name);
        }
    }
}

#[tokio::test]
async fn nothing_scans_what_grows() {
    let database = PostgresServer::shared().fresh_database();
    let options = options(&database);
    let session = migrated(&options).await;
    // In tables as small as these much is quickest by a scan; so a scan is only left where there is no other way. In empty
    // ones every index is as good as another.
    let settings = "SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan";
    let live = "UPDATE session SET revoked_at = NULL";
    for sql in [FILL_ACCOUNTS, FILL_SESSIONS, FILL_THE_REST, live, "ANALYZE", settings] {
        session.execute(sql).await.unwrap().unwrap();
    }
    let mut scanning = Vec::new();
    for known in registry() {
        let plan = plan(&session.client, &known).await;
        for (line, next) in plan.iter().zip(plan.iter().skip(1).chain([&String::new()])) {
            let grows = !SMALL.iter().any(|table| line.contains(&format!(" on {table}")));
            // In the order of an index, and ended by its LIMIT.
            let ends =
                ["LIST_AUDIT", "LIST_ACCOUNTS", "COUNT_ACCOUNTS", "COUNT_ERRANDS"].contains(&known.name);
            // An index of nothing but what is looked for.
            let is_partial = line.contains("account_that_administrates")
                || (["LIST_DISABLED", "LIST_UNSEARCHABLE"].contains(&known.name)
                    && (line.contains("account_disabled") || line.contains("account_to_be_searchable")));
            let may_walk = ends || is_partial;
            let is_whole =
                grows && line.contains("Index") && line.contains("Scan") && !next.contains("Index Cond");
            let is_found = line.contains("Bitmap Heap Scan") || !line.contains("Scan");
            if grows && line.contains("Seq Scan") || !(may_walk || is_found || !is_whole) {
                scanning.push((known.name, plan.clone()));
            }
        }
    }
    assert!(scanning.is_empty(), "{scanning:#?}");
}

/// Each half of a page ends in the order of its index, however much is left behind it.
#[tokio::test]
async fn a_page_of_changes_costs_what_it_holds() {
    let database = PostgresServer::shared().fresh_database();
    let options = options(&database);
    let session = migrated(&options).await;
    for sql in [FILL_ACCOUNTS, FILL_SESSIONS, "ANALYZE", "SET plan_cache_mode = force_generic_plan"] {
        session.execute(sql).await.unwrap().unwrap();
    }
    let known = registry().into_iter().find(|known| known.name == "LIST_CHANGES").unwrap();
    let plan = plan(&session.client, &known).await;
    for (table, index) in [("session", "session_by_change"), ("account", "account_by_change")] {
        let is_in_order = |line: &String| line.contains(&format!("Index Scan using {index} on {table}"));
        assert!(plan.iter().any(is_in_order), "{plan:#?}");
        assert!(!plan.iter().any(|line| line.contains(&format!("Seq Scan on {table}"))), "{plan:#?}");
    }
    let limits = plan.iter().filter(|line| line.contains("Limit")).count();
    assert_eq!(limits, 3, "{plan:#?}");
}

const FILL_ACCOUNTS: &str = "INSERT INTO account (id, email, email_canonical, active, confirmed, permissions, \
    created_at, cutoff_at, cutoff_until, change_number) SELECT decode(lpad(to_hex(n), 32, '0'), 'hex'), n, n, 1, 1, \
    '[]', 0, 1, 9000, n FROM generate_series(1, 20000) AS n";
const FILL_SESSIONS: &str = "INSERT INTO session (id, account_id, generation, scope, created_at, authenticated_at, refreshed_at, expires_at, ends_at, \
    access_until, revoked_at, address, user_agent, change_number) \
    SELECT id, id, 0, '', 0, 0, 0, 9000, 9000, 9000, 1, '', '', change_number FROM account";

/// Tables whose rows are few whatever happens; everything else grows with accounts and time.
const SMALL: &[&str] =
    &["global_cutoff", "signing_key", "change_stamp", "setup_link", "migration_lease", "vestibule_migration"];
const FILL_THE_REST: &str = "INSERT INTO username_part (part, account_id) SELECT id, id FROM account; \
    INSERT INTO avatar (account_id, media_type, etag, bytes, changed_at) SELECT id, '', '', '', 0 FROM account; \
    INSERT INTO known_device (account_id, device, known_since, known_until, told_at) \
    SELECT id, id, 0, change_number, NULL FROM account; \
    INSERT INTO errand (id, sealed, created_at, due_at, attempts, account_id) \
    SELECT id, '', 0, change_number, 0, id FROM account; \
    INSERT INTO mailed_link (account_id, purpose, email, email_canonical, digest, code_mac, code_attempts, created_at, \
    expires_at) SELECT id, 'confirm', email, email_canonical, id, id, 0, 0, change_number FROM account; \
    INSERT INTO audit_event (id, at, kind, outcome, account_id, address, detail) \
    SELECT id || decode(to_hex(n), 'hex'), change_number, 'login', '', id, '', '' \
    FROM account, generate_series(16, 20) AS n";

async fn plan(client: &Client, known: &Description) -> Vec<String> {
    let parameters = (1..=200).take_while(|number| known.sql.contains(&format!("${number}"))).count();
    let nothing = vec!["NULL"; parameters].join(", ");
    let arguments = if parameters == 0 { String::new() } else { format!("({nothing})") };
    client.batch_execute(&format!("PREPARE explained AS {}", known.sql)).await.unwrap();
    let rows = client.simple_query(&format!("EXPLAIN EXECUTE explained{arguments}")).await.unwrap();
    client.batch_execute("DEALLOCATE explained").await.unwrap();
    rows.iter()
        .filter_map(|message| match message {
            tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        })
        .collect()
}
