//! What PostgreSQL does for the statements of the administration, asked of the planner on a table that is not small.

use tokio::task::spawn_blocking;
use vestibule_sql::statement_texts;
use vestibule_testkit::servers::{Database, PostgresServer};

/// Accounts with user names like `user-12345`, each name with its ends, and the planner told of them.
const MANY: &str = "\
INSERT INTO account (id, email, email_canonical, username, username_canonical, active, confirmed, permissions, \
    created_at, cutoff_at, cutoff_until, is_searchable) \
SELECT decode(lpad(to_hex(n), 32, '0'), 'hex'), n || '@x.example', n || '@x.example', 'user-' || n, 'user-' || n, \
    CASE WHEN n % 1000 = 0 THEN 0 ELSE 1 END, 0, '[]', 0, 0, 0, 1 FROM generate_series(1, 20000) AS n; \
INSERT INTO username_part (part, account_id) \
SELECT convert_to(substr(username_canonical, at), 'UTF8'), id FROM account, generate_series(1, 10) AS at \
    WHERE at <= length(username_canonical) ON CONFLICT DO NOTHING; \
INSERT INTO audit_event (id, at, kind, outcome, account_id, address, detail) \
SELECT decode(lpad(to_hex(n), 32, '0'), 'hex'), n, CASE WHEN n % 1000 = 0 THEN 'ban' ELSE 'login' END, 'success', \
    decode(lpad(to_hex(n % 500 + 1), 32, '0'), 'hex'), '', '' FROM generate_series(1, 20000) AS n; \
INSERT INTO errand (id, sealed, created_at, due_at, attempts, account_id) \
SELECT decode(lpad(to_hex(n), 32, '0'), 'hex'), '', n, n, 0, decode(lpad(to_hex(n), 32, '0'), 'hex') \
    FROM generate_series(1, 20000) AS n;";

/// The plan of a statement that is prepared for whatever comes, as the store's are.
fn plan(database: &Database<'_>, name: &str, arguments: &str) -> String {
    let (_, text) = statement_texts().into_iter().find(|(known, _)| *known == name).unwrap();
    database.psql(&format!(
        "SET plan_cache_mode = force_generic_plan; PREPARE asked AS {text}; EXPLAIN EXECUTE asked{arguments}"
    ))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_administration_scans_nothing_that_grows() {
    let database = spawn_blocking(|| PostgresServer::shared().fresh_database()).await.unwrap();
    crate::open(&database.url()).await.close().await;
    spawn_blocking(move || {
        database.psql(MANY);
        database.psql("VACUUM ANALYZE");
        let id = "'\\x00000000000000000000000000000007'";
        let parts = "'\\x61', ".repeat(7) + "'\\x61'";
        for (name, arguments) in [
            ("COUNT_MATCHES", "('\\x6164', '\\x6164ff', 10000)".to_owned()),
            ("LIST_MATCHES", "('\\x6164', '\\x6164ff', 10000, 20, 0)".to_owned()),
            ("COUNT_ACCOUNTS", "(10000)".to_owned()),
            ("LIST_ACCOUNTS", "(20, 0)".to_owned()),
            ("LIST_UNSEARCHABLE", "(200)".to_owned()),
            ("LIST_DISABLED", "(100)".to_owned()),
            ("LOCK_ACCOUNT", format!("({id})")),
            ("LOCK_ADMINS", String::new()),
            ("LIST_DUE_ACCOUNTS", "(100, 20)".to_owned()),
            ("DELETE_ERRANDS_OF_ACCOUNT", format!("({id})")),
            ("DELETE_PARTS", format!("({id}, {parts})")),
            ("PAGE_AUDIT", format!("({id}, 100, {id}, 20)")),
            ("SEARCH_AUDIT", "(0, 100, 20)".to_owned()),
            ("SEARCH_AUDIT_OF_ACCOUNT", format!("(0, 100, 20, {id})")),
            ("SEARCH_AUDIT_OF_KIND", "(0, 100, 20, 'ban')".to_owned()),
            ("SEARCH_AUDIT_OF_BOTH", format!("(0, 100, 20, {id}, 'ban')")),
        ] {
            let plan = plan(&database, name, &arguments);
            assert!(plan.contains("Index"), "{name}: {plan}");
            assert!(!plan.contains("Seq Scan"), "{name}: {plan}");
            if name.ends_with("MATCHES") {
                assert!(plan.contains("Index Only Scan using username_part_pkey"), "{name}: {plan}");
            }
        }
    })
    .await
    .unwrap();
}
