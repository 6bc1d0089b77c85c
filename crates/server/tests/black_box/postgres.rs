//! The same binary on PostgreSQL: what a URL in `database_url` changes, which is nothing but where the data is.

use http::StatusCode;
use serde_json::Value;
use vestibule_testkit::servers::{Database, PostgresServer, Proxy, Traffic};

use crate::{
    client::PASSWORD,
    program::{Folder, eventually},
};

const ME: &str = "/api/v1/users/me";
/// All nodes of a test have the same.
const SECRET: &str = "Hd8vYw3kQz7mLp2xRt5nBc9sJf4gTa6e-two-nodes";

/// The working directory of a node.
pub(crate) fn node(database: &Database<'_>) -> Folder {
    Folder::new()
        .with("VESTIBULE_DATABASE_URL", &database.url())
        .with("VESTIBULE_SECRET_KEY", SECRET)
        // Behind a load balancer all nodes have one public URL; here each has a port of its own.
        .with("VESTIBULE_TOKENS__ISSUER", "https://login.example.org")
        .with("VESTIBULE_TOKENS__AUDIENCE", "https://login.example.org")
        .with("VESTIBULE_LOG__LEVEL", "trace")
}

#[tokio::test(flavor = "multi_thread")]
async fn t13_a_logout_on_one_node_holds_on_the_other() {
    let database = PostgresServer::shared().fresh_database();
    let (first, second) = (node(&database), node(&database));
    let (first, second) = (first.serve(), second.serve());
    let (here, there) = (first.client(), second.client());
    assert_eq!(here.register("ada").await.status, StatusCode::CREATED);
    let tokens = there.tokens("ada").await;
    for client in [here, there] {
        assert_eq!(client.get_as(ME, &tokens.access).await.status, StatusCode::OK);
    }
    assert_eq!(here.post_as("/api/users/logout", &tokens.access).await.status, StatusCode::OK);
    assert_eq!(here.get_as(ME, &tokens.access).await.status, StatusCode::UNAUTHORIZED);
    let is_refused = async || {
        let status = there.get_as(ME, &tokens.access).await.status;
        (status == StatusCode::UNAUTHORIZED).then_some(())
    };
    eventually("the other node refuses the token", is_refused).await;
    for client in [here, there] {
        assert_eq!(client.refresh(&tokens.refresh).await.status, StatusCode::UNAUTHORIZED);
    }
    for server in [first, second] {
        assert_eq!(server.stop().await.code(), Some(0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_commands_work_on_it_beside_a_server() {
    let database = PostgresServer::shared().fresh_database();
    let folder = node(&database);
    let check = folder.run(&["migrate", "--check"]);
    assert_eq!(check.code, 1);
    assert!(check.stdout.contains("V1__accounts"), "{check:?}");
    assert_eq!(folder.run(&["keys", "list"]).code, 3, "there is nothing yet");
    assert!(folder.run(&["migrate"]).stdout.contains("V1__accounts"));
    assert_eq!(folder.run(&["migrate", "--check"]).code, 0);

    let server = folder.serve();
    assert!(!server.banner.contains("postgres://"), "{}", server.banner);
    let create =
        ["admin", "create", "--email", "root@people.example", "--username", "root", "--password-stdin"];
    let created = folder.run_with_input(&create, &format!("{PASSWORD}\n"));
    assert_eq!(created.code, 0, "{created:?}");
    let client = server.client();
    let tokens = client.tokens("root").await;
    assert_eq!(client.get_as(ME, &tokens.access).await.status, StatusCode::OK);

    let rotated = folder.run(&["keys", "rotate", "--json"]);
    assert_eq!(rotated.code, 0, "{rotated:?}");
    let rotated: Value = serde_json::from_str(&rotated.stdout).unwrap();
    let signs = async || {
        let keys = client.get("/.well-known/jwks.json").await.json();
        (keys["keys"][0]["kid"] == rotated["kid"]).then_some(())
    };
    eventually("the server signs with the new key", signs).await;
    assert_eq!(server.stop().await.code(), Some(0));
}

/// What is wrong with a database, and what the sentence says to do about it.
struct Refused {
    url: String,
    wrong: &'static str,
    remedy: &'static str,
}

impl Refused {
    const fn new(url: String, wrong: &'static str, remedy: &'static str) -> Self {
        Self { url, wrong, remedy }
    }

    /// Every command that opens it ends, with this code.
    fn ends_with(&self, code: i32) {
        let folder =
            Folder::new().with("VESTIBULE_DATABASE_URL", &self.url).with("VESTIBULE_SECRET_KEY", SECRET);
        for command in [&["serve"][..], &["migrate"], &["migrate", "--check"], &["keys", "list"]] {
            let ended = folder.run(command);
            assert_eq!(ended.code, code, "{command:?}: {ended:?}");
            for words in [self.wrong, self.remedy] {
                assert!(ended.stderr.contains(words), "{command:?}: {words}: {ended:?}");
            }
            assert!(!ended.stderr.contains("hunter2") && !ended.stderr.contains("panicked"), "{ended:?}");
        }
    }
}

#[test]
fn a_malformed_url_ends_with_2_and_says_how_one_looks() {
    for (url, wrong, remedy) in [
        ("postgres://ada:hunter2@db:port/vestibule", "form", "postgres://user:password@host:5432/database"),
        ("postgres://ada:hunter2@db/vestibule?ssl=on", "a parameter that is none of", "sslmode"),
        ("postgres://ada:100%hunter2@db/vestibule", "two hexadecimal digits", "is written %25"),
        ("postgres://ada:an@hunter2@db/vestibule", "form", "%-escapes for special characters"),
        ("postgres://ada:hunter2@db/vestibule?sslmode=require&sslmode=disable", "twice", "say it once"),
        ("postgres://ada:hunter2@/vestibule", "no host", "postgres://user:password@host:5432/database"),
        ("postgres://ada:hunter2@db", "no database", "postgres://user:password@host:5432/database"),
        ("postgres://ada:hunter2@db/vestibule?sslmode=prefer", "sslmode", "verify-full"),
        ("postgres://ada:hunter2@db/vestibule?hostaddr=192.0.2.1", "hostaddr", "name the host itself"),
    ] {
        Refused::new(url.to_owned(), wrong, remedy).ends_with(2);
    }
}

#[test]
fn who_is_not_let_in_learns_what_to_check() {
    let server = PostgresServer::start_with_password();
    let database = server.fresh_database();
    let wrong = database.url().replacen(&password(&database.url()), "hunter2", 1);
    for refused in [
        Refused::new(wrong, "refuses the login", "Check user and password in database_url"),
        Refused::new(server.url("nowhere"), "does not exist", "Make it with `createdb`"),
        Refused::new(
            "postgres://ada:hunter2@127.0.0.1:1/vestibule".to_owned(),
            "127.0.0.1:1/vestibule cannot be reached",
            "Check that PostgreSQL runs there and that host and port in database_url are right",
        ),
    ] {
        refused.ends_with(3);
    }
}

#[test]
fn a_database_that_is_not_for_us_is_left_alone() {
    let server = PostgresServer::shared();
    let taken = server.fresh_database();
    taken.psql("CREATE TABLE orders (id INTEGER)");
    let newer = server.fresh_database();
    let folder = node(&newer);
    assert_eq!(folder.run(&["migrate"]).code, 0);
    newer.psql("INSERT INTO vestibule_migration VALUES (999, 'later', '2030-01-01T00:00:00Z', '1')");
    let read_only = server.fresh_database();
    let name = read_only.name();
    read_only.psql(&format!("ALTER DATABASE {name} SET default_transaction_read_only = on"));
    for (database, wrong, remedy) in [
        (&taken, "belongs to another program; nothing was changed", "Name an empty database in database_url"),
        (&newer, "has schema version 999", "Run the newer version, or restore a backup"),
        (&read_only, "is read-only", "Name its primary in database_url, or end what made it read-only"),
    ] {
        let before = database.psql(TABLES);
        Refused::new(database.url(), wrong, remedy).ends_with(3);
        assert_eq!(database.psql(TABLES), before);
    }
}

const TABLES: &str = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1";

/// While it takes the connection, and later: the server has said so much, and then no more.
#[test]
fn a_database_that_falls_silent_ends_the_start() {
    let server = PostgresServer::shared();
    let database = server.fresh_database();
    assert_eq!(node(&database).run(&["migrate"]).code, 0);
    let proxy = Proxy::start(server.address());
    let folder = node(&database)
        .with("VESTIBULE_DATABASE_URL", &database.url_at(proxy.address()))
        .with("VESTIBULE_POSTGRES__CONNECT_TIMEOUT", "2s")
        .with("VESTIBULE_POSTGRES__STATEMENT_TIMEOUT", "100ms");
    for (bytes, wrong, remedy) in [
        (1, "cannot be reached (no answer within 2s)", "Check that PostgreSQL runs there"),
        (600, "fell silent: no answer within 600ms", "Check its load, its log and the network in between"),
        (1200, "fell silent: no answer within 600ms", "Check its load, its log and the network in between"),
    ] {
        proxy.set(Traffic::SilentAfter(bytes));
        let ended = folder.run(&["serve"]);
        assert_eq!(ended.code, 3, "{bytes}: {ended:?}");
        for words in [wrong, remedy] {
            assert!(ended.stderr.contains(words), "{bytes}: {words}: {ended:?}");
        }
    }
}

/// A silent host in front costs its own time and no more.
#[tokio::test(flavor = "multi_thread")]
async fn the_next_host_in_the_url_is_reached_behind_a_silent_one() {
    let server = PostgresServer::shared();
    let database = server.fresh_database();
    let silent = Proxy::start(server.address());
    silent.set(Traffic::BlackHole);
    let hosts = format!("{},{}", silent.address(), server.address());
    let url = database.url().replacen(&server.address().to_string(), &hosts, 1);
    let folder = node(&database)
        .with("VESTIBULE_DATABASE_URL", &url)
        .with("VESTIBULE_POSTGRES__CONNECT_TIMEOUT", "500ms");
    let server = folder.serve();
    assert_eq!(server.client().register("ada").await.status, StatusCode::CREATED);
    assert_eq!(server.client().get("/health/ready").await.status, StatusCode::OK);
    assert_eq!(server.stop().await.code(), Some(0));
}

/// What the database remarks while it is made, such as that it had to cut a name short, is for who looks for a fault.
#[tokio::test(flavor = "multi_thread")]
async fn the_first_start_logs_no_remarks_of_the_database() {
    let database = PostgresServer::shared().fresh_database();
    let folder = node(&database).with("VESTIBULE_LOG__LEVEL", "info");
    assert_eq!(folder.serve().stop().await.code(), Some(0));
    assert_eq!(folder.serve().stop().await.code(), Some(0));
    for words in ["NOTICE", "already exists", "refinery", "stopping at migration"] {
        assert!(!folder.log().contains(words), "{}", folder.log());
    }
}

/// The password in a URL.
fn password(url: &str) -> String {
    let (credentials, _) = url.split_once('@').unwrap();
    credentials.rsplit_once(':').unwrap().1.to_owned()
}
