//! Two nodes on one database are one: what is revoked or rotated on either holds on the other.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use vestibule::core::ports::clock::Stopwatch;
use vestibule_testkit::servers::{Database, PostgresServer, Proxy, Traffic};

use crate::{
    client::{Client, Tokens},
    program::{Folder, Server, eventually},
};

/// Needs no database.
const CLAIMS: &str = "/api/users/token";
/// All nodes of a test have the same.
const SECRET: &str = "Vt4mQe9xYb2nKs7uHd5wRj8pLc3gZa6f-one-of-two";

/// Where people ask: two nodes on one PostgreSQL database; on SQLite, which one process serves, that one twice.
struct Nodes {
    servers: Vec<Server>,
    folders: Vec<Folder>,
    database: Option<Database<'static>>,
}

/// What every node is told.
fn folder() -> Folder {
    Folder::new()
        .with("VESTIBULE_SECRET_KEY", SECRET)
        .with("VESTIBULE_PUBLIC_URL", "http://127.0.0.1:8000")
        // Refreshes with one token are at the same time, however busy the machine is.
        .with("VESTIBULE_TOKENS__REFRESH_GRACE", "5m")
}

fn node(url: &str) -> Folder {
    folder().with("VESTIBULE_DATABASE_URL", url).with("VESTIBULE_POSTGRES__CONNECTIONS", "8")
}

impl Nodes {
    fn on_sqlite() -> Self {
        Self::start(vec![folder()], None)
    }

    fn on_postgresql() -> Self {
        let database = PostgresServer::shared().fresh_database();
        Self::start(vec![node(&database.url()), node(&database.url())], Some(database))
    }

    fn start(folders: Vec<Folder>, database: Option<Database<'static>>) -> Self {
        Self { servers: folders.iter().map(Folder::serve).collect(), folders, database }
    }

    /// The node on which things are done.
    fn here(&self) -> Client {
        self.servers.first().unwrap().client()
    }

    /// The node that must learn of them.
    fn there(&self) -> Client {
        self.servers.last().unwrap().client()
    }

    /// Logs somebody in, whom every node then knows.
    async fn tokens(&self, name: &str) -> Tokens {
        let tokens = self.here().tokens(name).await;
        for client in [self.here(), self.there()] {
            assert_eq!(client.post_as(CLAIMS, &tokens.access).await.status, StatusCode::OK);
        }
        tokens
    }

    /// Asserts that these tokens open nothing any more: here at once, there soon, and a refresh nowhere.
    async fn are_refused(&self, what: &str, tokens: &[&Tokens]) {
        let stopwatch = Stopwatch::start();
        for Tokens { access, refresh } in tokens {
            assert_eq!(self.here().post_as(CLAIMS, access).await.status, StatusCode::UNAUTHORIZED, "{what}");
            for client in [self.here(), self.there()] {
                assert_eq!(client.refresh(refresh).await.status, StatusCode::UNAUTHORIZED, "{what}");
            }
            is_soon_refused(what, self.there(), access).await;
        }
        eprintln!("{what}: on the other node after {:?} at most", stopwatch.elapsed());
    }

    async fn stop(self) {
        for server in self.servers {
            assert_eq!(server.stop().await.code(), Some(0));
        }
    }
}

/// A second is promised; how long a busy machine takes is printed and not asserted.
async fn is_soon_refused(what: &str, client: Client, access: &str) {
    let is_refused = async || {
        let status = client.post_as(CLAIMS, access).await.status;
        (status == StatusCode::UNAUTHORIZED).then_some(())
    };
    eventually(what, is_refused).await;
}

async fn is_soon_ready(client: Client, status: StatusCode) {
    let is_so = async || (client.get("/health/ready").await.status == status).then_some(());
    eventually("readiness changes", is_so).await;
}

/// Sends a request with a bearer token and a body.
async fn send_as(client: Client, method: Method, path: &str, access: &str, body: &Value) -> StatusCode {
    let bearer = format!("Bearer {access}");
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    client.try_send(method, path, &headers, body.to_string()).await.unwrap().status
}

async fn log_out(client: Client, access: &str, scope: &str) {
    let status = send_as(client, Method::POST, "/api/users/logout", access, &json!({ "scope": scope })).await;
    assert_eq!(status, StatusCode::OK);
}

/// The key that signs, as a node publishes it.
async fn signing_kid(client: Client) -> Value {
    client.get("/.well-known/jwks.json").await.json()["keys"][0]["kid"].clone()
}

/// Each of these once on SQLite and once on two nodes.
macro_rules! on_both_engines {
    ($($test:ident)*) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                let nodes = super::Nodes::on_sqlite();
                super::$test(&nodes).await;
                nodes.stop().await;
            })*
        }

        mod postgresql {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                let nodes = super::Nodes::on_postgresql();
                super::$test(&nodes).await;
                nodes.stop().await;
            })*
        }
    };
}

on_both_engines! {
    t13_a_logout_holds_on_every_node
    t13_a_logout_everywhere_holds_on_every_node
    t13_a_device_that_is_sent_away_is_out_on_every_node
    t13_t19_a_stolen_refresh_token_ends_the_session_on_every_node
    t19_64_parallel_refreshes_leave_one_child
    a_rotated_key_signs_on_every_node_and_tokens_go_on
    a_compromised_key_is_dead_on_every_node
}

async fn t13_a_logout_holds_on_every_node(nodes: &Nodes) {
    assert_eq!(nodes.here().register("ada").await.status, StatusCode::CREATED);
    let (leaving, staying) = (nodes.tokens("ada").await, nodes.tokens("ada").await);
    log_out(nodes.here(), &leaving.access, "this").await;
    nodes.are_refused("a logout", &[&leaving]).await;
    for client in [nodes.here(), nodes.there()] {
        assert_eq!(client.post_as(CLAIMS, &staying.access).await.status, StatusCode::OK);
    }
}

async fn t13_a_logout_everywhere_holds_on_every_node(nodes: &Nodes) {
    assert_eq!(nodes.here().register("ada").await.status, StatusCode::CREATED);
    let sessions = [nodes.tokens("ada").await, nodes.tokens("ada").await];
    log_out(nodes.here(), &sessions[0].access, "all").await;
    nodes.are_refused("a logout everywhere", &[&sessions[0], &sessions[1]]).await;
    assert_eq!(nodes.there().register("bob").await.status, StatusCode::CREATED);
    nodes.tokens("bob").await;
}

async fn t13_a_device_that_is_sent_away_is_out_on_every_node(nodes: &Nodes) {
    assert_eq!(nodes.here().register("ada").await.status, StatusCode::CREATED);
    let (lost, kept) = (nodes.tokens("ada").await, nodes.tokens("ada").await);
    let sid = nodes.there().post_as(CLAIMS, &lost.access).await.member("sid");
    let path = format!("/api/users/sessions/{sid}");
    assert_eq!(send_as(nodes.here(), Method::DELETE, &path, &kept.access, &json!({})).await, StatusCode::OK);
    nodes.are_refused("an ended session", &[&lost]).await;
    assert_eq!(nodes.there().post_as(CLAIMS, &kept.access).await.status, StatusCode::OK);
}

/// The owner refreshes on both nodes; the thief's copy comes back on one of them.
async fn t13_t19_a_stolen_refresh_token_ends_the_session_on_every_node(nodes: &Nodes) {
    assert_eq!(nodes.here().register("ada").await.status, StatusCode::CREATED);
    let stolen = nodes.tokens("ada").await;
    let child = nodes.there().refresh(&stolen.refresh).await.member("refresh_token");
    let last = nodes.here().refresh(&child).await;
    let last = Tokens { access: last.member("access_token"), refresh: last.member("refresh_token") };
    assert_eq!(nodes.there().post_as(CLAIMS, &last.access).await.status, StatusCode::OK);
    assert_eq!(nodes.here().refresh(&stolen.refresh).await.status, StatusCode::UNAUTHORIZED);
    nodes.are_refused("a reuse", &[&last, &stolen]).await;
}

async fn t19_64_parallel_refreshes_leave_one_child(nodes: &Nodes) {
    assert_eq!(nodes.here().register("ada").await.status, StatusCode::CREATED);
    let tokens = nodes.tokens("ada").await;
    let mut refreshes = JoinSet::new();
    for number in 0..64 {
        let client = if number % 2 == 0 { nodes.here() } else { nodes.there() };
        let token = tokens.refresh.clone();
        refreshes.spawn(async move { client.refresh(&token).await.member("refresh_token") });
    }
    let mut children = refreshes.join_all().await;
    children.sort_unstable();
    children.dedup();
    assert_eq!(children.len(), 1, "one live child");
    if let Some(database) = &nodes.database {
        assert_eq!(database.psql("SELECT count(*), max(generation) FROM session"), "1|1");
    }
    let next = nodes.there().refresh(&children[0]).await;
    assert_eq!(nodes.here().refresh(&next.member("refresh_token")).await.status, StatusCode::OK);
}

async fn a_rotated_key_signs_on_every_node_and_tokens_go_on(nodes: &Nodes) {
    assert_eq!(nodes.here().register("ada").await.status, StatusCode::CREATED);
    let before = nodes.tokens("ada").await;
    let old = signing_kid(nodes.there()).await;
    let ended = nodes.folders[0].run(&["keys", "rotate", "--json"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    let stopwatch = Stopwatch::start();
    let new = serde_json::from_str::<Value>(&ended.stdout).unwrap()["kid"].clone();
    assert_ne!(new, old);
    for client in [nodes.here(), nodes.there()] {
        let signs = async || (signing_kid(client).await == new).then_some(());
        eventually("the new key signs", signs).await;
    }
    eprintln!("a rotated key: on every node after {:?}", stopwatch.elapsed());
    assert_eq!(nodes.there().post_as(CLAIMS, &before.access).await.status, StatusCode::OK);
    nodes.tokens("ada").await;
}

async fn a_compromised_key_is_dead_on_every_node(nodes: &Nodes) {
    assert_eq!(nodes.here().register("ada").await.status, StatusCode::CREATED);
    let before = nodes.tokens("ada").await;
    let ended = nodes.folders[0].run(&["keys", "rotate", "--compromised"]);
    assert_eq!(ended.code, 0, "{ended:?}");
    let stopwatch = Stopwatch::start();
    for client in [nodes.here(), nodes.there()] {
        is_soon_refused("a compromised key", client, &before.access).await;
    }
    eprintln!("a compromised key: on every node after {:?}", stopwatch.elapsed());
    let refreshed = nodes.there().refresh(&before.refresh).await.member("access_token");
    for client in [nodes.here(), nodes.there()] {
        assert_eq!(client.post_as(CLAIMS, &refreshed).await.status, StatusCode::OK);
    }
}

/// T13: a node that is cut off says that it should be asked nothing, and makes up for what it missed.
#[tokio::test(flavor = "multi_thread")]
async fn t13_a_node_that_was_cut_off_learns_what_it_missed() {
    let postgres = PostgresServer::shared();
    let database = postgres.fresh_database();
    let proxy = Proxy::start(postgres.address());
    let cut_off = node(&database.url_at(proxy.address()))
        .with("VESTIBULE_POSTGRES__CONNECT_TIMEOUT", "500ms")
        .with("VESTIBULE_POSTGRES__ACQUIRE_TIMEOUT", "500ms")
        .with("VESTIBULE_POSTGRES__STATEMENT_TIMEOUT", "500ms");
    let nodes = Nodes::start(vec![node(&database.url()), cut_off], Some(database));
    assert_eq!(nodes.here().register("ada").await.status, StatusCode::CREATED);
    for traffic in [Traffic::BlackHole, Traffic::Refuse] {
        let (gone, kept) = (nodes.tokens("ada").await, nodes.tokens("ada").await);
        proxy.set(traffic);
        log_out(nodes.here(), &gone.access, "this").await;
        is_soon_ready(nodes.there(), StatusCode::SERVICE_UNAVAILABLE).await;
        assert_eq!(nodes.there().post_as(CLAIMS, &kept.access).await.status, StatusCode::OK);
        assert_eq!(nodes.here().get("/health/ready").await.status, StatusCode::OK);
        // Whatever was on its way is lost.
        proxy.cut();
        proxy.set(Traffic::Pass);
        is_soon_refused("a missed logout", nodes.there(), &gone.access).await;
        is_soon_ready(nodes.there(), StatusCode::OK).await;
        nodes.are_refused("a missed logout", &[&gone]).await;
    }
    nodes.stop().await;
}

/// T13: what was revoked before or during a node's absence is known to it from its first answer on.
#[tokio::test(flavor = "multi_thread")]
async fn t13_a_node_that_starts_again_remembers() {
    let mut nodes = Nodes::on_postgresql();
    assert_eq!(nodes.here().register("ada").await.status, StatusCode::CREATED);
    let (before, during, kept) =
        (nodes.tokens("ada").await, nodes.tokens("ada").await, nodes.tokens("ada").await);
    log_out(nodes.here(), &before.access, "this").await;
    is_soon_refused("a logout", nodes.there(), &before.access).await;
    nodes.servers.pop().unwrap().kill();
    log_out(nodes.here(), &during.access, "this").await;
    nodes.servers.push(nodes.folders[1].serve());
    for gone in [&before, &during] {
        assert_eq!(nodes.there().post_as(CLAIMS, &gone.access).await.status, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(nodes.there().post_as(CLAIMS, &kept.access).await.status, StatusCode::OK);
    nodes.stop().await;
}
