//! PostgreSQL goes away and comes back: nobody is lied to, and nobody has to help.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use http::StatusCode;
use tokio::{task::JoinSet, time::timeout};
use vestibule_testkit::servers::{Database, PostgresServer, Proxy, Shutdown, Traffic};

use crate::{
    client::{Client, PASSWORD, Tokens},
    load::{Load, assert_comes_back_later},
    program::{Folder, Server, eventually},
};

/// All nodes of a test have the same.
const SECRET: &str = "Zk5qT0c2b1pXbE9uR3hVd2RqWQ-bad-days-9";
const CLIENTS: usize = 8;
const DEVICES: &str = "/api/users/sessions";
const CONNECTIONS: usize = 10;
/// It takes two seconds at most; the rest is for a machine that has other things to do.
const RECOVERY: Duration = Duration::from_mins(1);

/// A node on a database, reached at another address where there is a proxy in between.
pub(crate) fn node(database: &Database<'_>, address: SocketAddr) -> Folder {
    Folder::new()
        .with("VESTIBULE_DATABASE_URL", &database.url_at(address))
        .with("VESTIBULE_SECRET_KEY", SECRET)
        // Behind a load balancer all nodes are seen at one place, which is who issues the tokens.
        .with("VESTIBULE_PUBLIC_URL", "http://localhost:8000")
        .with("VESTIBULE_POSTGRES__CONNECTIONS", &CONNECTIONS.to_string())
        .with("VESTIBULE_POSTGRES__ACQUIRE_TIMEOUT", "1s")
        .with("VESTIBULE_POSTGRES__CONNECT_TIMEOUT", "1s")
        .with("VESTIBULE_POSTGRES__STATEMENT_TIMEOUT", "1s")
        .with("VESTIBULE_THROTTLE__LOGIN_ATTEMPTS", "1000000")
        .with("VESTIBULE_THROTTLE__REGISTRATIONS", "1000000")
}

/// A node under load, and somebody who was there before.
pub(crate) struct Stage {
    server: Server,
    client: Client,
    tokens: Tokens,
    load: Load,
}

impl Stage {
    pub(crate) async fn set(folder: &Folder) -> Self {
        let server = folder.serve();
        let client = server.client();
        assert_eq!(client.register("ada").await.status, StatusCode::CREATED);
        let tokens = client.tokens("ada").await;
        let load = Load::start(client, CLIENTS);
        load.succeeds(5 * CLIENTS).await;
        Self { server, client, tokens, load }
    }

    /// The database is away: everything that needs it says so, and nothing else is affected.
    pub(crate) async fn is_away(&self) {
        self.load.is_refused(2 * CLIENTS).await;
        assert_eq!(self.client.get("/health/live").await.status, StatusCode::OK);
        assert_comes_back_later(&self.client.get("/health/ready").await);
        assert_comes_back_later(&self.client.log_in("ada", PASSWORD).await);
        for _ in 0..10 {
            let claims = self.client.post_as("/api/users/token", &self.tokens.access).await;
            assert_eq!(claims.status, StatusCode::OK, "{claims:?}");
        }
        self.load.is_refused(CLIENTS).await;
    }

    /// The database is back, and so is the node.
    pub(crate) async fn is_back(&self) {
        let is_well = async || {
            let ready = self.client.get("/health/ready").await.status == StatusCode::OK;
            (ready && self.client.log_in("ada", PASSWORD).await.status == StatusCode::OK).then_some(())
        };
        timeout(RECOVERY, eventually("it is well", is_well)).await.expect("it is back by itself, and soon");
        self.load.succeeds(5 * CLIENTS).await;
    }

    /// Whoever reads the log finds when it began, why, and when it was over, and not a line for everybody who asked.
    fn tells_of_it_once_in_a_while(&self, folder: &Folder) {
        let log = folder.log();
        for told in ["the store is away: what needs it is answered 503", "the store is back"] {
            assert!(log.contains(told), "{told}: {log}");
        }
        let is_of_outage = |line: &&str| line.contains("a request failed") && line.contains("unavailable");
        let (lines, refused) = (log.lines().filter(is_of_outage).count(), self.load.refused());
        assert!(lines > 0 && lines * 3 < refused, "{lines} lines for {refused} requests: {log}");
    }

    pub(crate) async fn ends_well(self, database: &Database<'_>, folder: &Folder) {
        self.load.ends_with_nothing_lost(self.client).await;
        assert_eq!(self.client.refresh(&self.tokens.refresh).await.status, StatusCode::OK);
        nothing_is_stuck(database).await;
        assert_eq!(self.server.stop().await.code(), Some(0));
        assert!(!folder.log().contains("panicked"), "{}", folder.log());
    }
}

/// No transaction stays open, and there are no more connections than the pool may have.
async fn nothing_is_stuck(database: &Database<'_>) {
    let count = |condition: &str| -> usize {
        let name = database.name();
        let sql = format!(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = '{name}' AND usename = 'vestibule' {condition}"
        );
        database.psql(&sql).parse().unwrap()
    };
    let is_quiet = async || (count("AND state <> 'idle'") == 0 && count("") <= CONNECTIONS).then_some(());
    eventually("no connection is stuck", is_quiet).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgresql_stops_and_starts() {
    let postgres = PostgresServer::start();
    let database = postgres.fresh_database();
    let folder = node(&database, postgres.address());
    let stage = Stage::set(&folder).await;
    for how in [Shutdown::Fast, Shutdown::Immediate] {
        postgres.stop(how);
        stage.is_away().await;
        postgres.start_again();
        stage.is_back().await;
    }
    stage.tells_of_it_once_in_a_while(&folder);
    stage.ends_well(&database, &folder).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgresql_restarts_at_once_again_and_again() {
    let postgres = PostgresServer::start();
    let database = postgres.fresh_database();
    let folder = node(&database, postgres.address());
    let stage = Stage::set(&folder).await;
    for _ in 0..3 {
        postgres.restart_immediately();
        stage.is_back().await;
    }
    stage.ends_well(&database, &folder).await;
}

/// What a failover looks like to whoever is connected to the old primary.
#[tokio::test(flavor = "multi_thread")]
async fn postgresql_takes_no_writes_for_a_while() {
    let postgres = PostgresServer::start();
    let database = postgres.fresh_database();
    let folder = node(&database, postgres.address());
    let stage = Stage::set(&folder).await;
    for _ in 0..2 {
        database.psql("ALTER SYSTEM SET default_transaction_read_only = on");
        database.psql("SELECT pg_reload_conf()");
        stage.is_away().await;
        let me = stage.client.get_as("/api/v1/users/me", &stage.tokens.access).await;
        assert_eq!(me.status, StatusCode::OK, "it can be read: {me:?}");
        database.psql("ALTER SYSTEM RESET default_transaction_read_only");
        database.psql("SELECT pg_reload_conf()");
        stage.is_back().await;
    }
    stage.ends_well(&database, &folder).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_network_swallows_everything_for_a_while() {
    let postgres = PostgresServer::shared();
    let database = postgres.fresh_database();
    let proxy = Proxy::start(postgres.address());
    let folder = node(&database, proxy.address());
    let stage = Stage::set(&folder).await;

    // What was swallowed arrives late, after its senders have given up.
    proxy.set(Traffic::BlackHole);
    stage.is_away().await;
    proxy.set(Traffic::Pass);
    stage.is_back().await;

    // What was swallowed is lost.
    proxy.set(Traffic::BlackHole);
    stage.is_away().await;
    proxy.cut();
    proxy.set(Traffic::Pass);
    stage.is_back().await;

    // Nobody listens.
    proxy.set(Traffic::Refuse);
    stage.is_away().await;
    proxy.set(Traffic::Pass);
    stage.is_back().await;

    stage.ends_well(&database, &folder).await;
}

/// Asks for the list of one's devices again and again until the rush is over; says how often it was refused.
async fn rush(client: Client, access: String, is_over: Arc<AtomicBool>) -> usize {
    let mut refused = 0;
    while !is_over.load(Ordering::Relaxed) {
        let answer = client.get_as(DEVICES, &access).await;
        if answer.status != StatusCode::OK {
            assert_comes_back_later(&answer);
            refused += 1;
        }
    }
    refused
}

/// Two hundred clients on ten connections. Who waits in vain is told so; neither readiness nor what other nodes revoke
/// waits with them.
#[tokio::test(flavor = "multi_thread")]
async fn too_few_connections_mean_bounded_waits_and_then_a_503() {
    let postgres = PostgresServer::shared();
    let database = postgres.fresh_database();
    let proxy = Proxy::start(postgres.address());
    let folder = node(&database, proxy.address())
        .with("VESTIBULE_PASSWORDS__QUEUE_WAIT_MAX", "30s")
        // Answers are late, but not for want of a connection.
        .with("VESTIBULE_POSTGRES__STATEMENT_TIMEOUT", "10s");
    let (server, other) = (folder.serve(), node(&database, postgres.address()).serve());
    let client = server.client();
    assert_eq!(client.register("ada").await.status, StatusCode::CREATED);
    let (crowd, leaver) = (client.tokens("ada").await, client.tokens("ada").await);

    // With every answer late, ten connections serve a fraction of those who come.
    proxy.set(Traffic::Delay(Duration::from_millis(100)));
    let is_over = Arc::<AtomicBool>::default();
    let rush: JoinSet<_> =
        (0..200).map(|_| rush(client, crowd.access.clone(), Arc::clone(&is_over))).collect();
    let is_full = async || {
        let status = client.get_as(DEVICES, &crowd.access).await.status;
        (status == StatusCode::SERVICE_UNAVAILABLE).then_some(())
    };
    eventually("no connection is free", is_full).await;
    let register = |number: usize| async move {
        let name = format!("client{number}");
        (client.register(&name).await, name)
    };
    let registering: JoinSet<_> = (0..20).map(register).collect();
    hears_of_a_logout_and_stays_ready(client, other.client(), &leaver).await;
    let registered = timeout(Duration::from_mins(1), registering.join_all()).await.expect("bounded waits");
    is_over.store(true, Ordering::Relaxed);
    let refused = timeout(Duration::from_mins(1), rush.join_all()).await.expect("bounded waits");
    proxy.set(Traffic::Pass);

    assert!(refused.iter().all(|refused| *refused > 0), "nobody is preferred: {refused:?}");
    for (answer, name) in registered {
        if answer.status == StatusCode::CREATED {
            assert_eq!(client.log_in(&name, PASSWORD).await.status, StatusCode::OK, "{name} is lost");
        } else {
            assert_comes_back_later(&answer);
        }
    }
    assert!(proxy.connections() <= CONNECTIONS, "{}", proxy.connections());
    for server in [server, other] {
        assert_eq!(server.stop().await.code(), Some(0));
    }
    nothing_is_stuck(&database).await;
}

async fn hears_of_a_logout_and_stays_ready(client: Client, elsewhere: Client, leaver: &Tokens) {
    let claims = "/api/users/token";
    assert_eq!(client.post_as(claims, &leaver.access).await.status, StatusCode::OK);
    let left = elsewhere.post_as("/api/users/logout", &leaver.access).await;
    assert_eq!(left.status, StatusCode::OK, "{left:?}");
    let is_refused = async || {
        let ready = client.get("/health/ready").await;
        assert_eq!(ready.status, StatusCode::OK, "{ready:?}");
        let status = client.post_as(claims, &leaver.access).await.status;
        (status == StatusCode::UNAUTHORIZED).then_some(())
    };
    eventually("it hears of the logout", is_refused).await;
    for _ in 0..10 {
        assert_eq!(client.get("/health/ready").await.status, StatusCode::OK);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_nodes_that_start_at_once_migrate_once() {
    let postgres = PostgresServer::shared();
    let database = postgres.fresh_database();
    let folders: Vec<_> = (0..8).map(|_| node(&database, postgres.address())).collect();
    let servers: Vec<_> = thread::scope(|scope| {
        let starting: Vec<_> = folders.iter().map(|folder| scope.spawn(|| folder.serve())).collect();
        starting.into_iter().map(|server| server.join().expect("it starts")).collect()
    });
    let once = "SELECT count(*) = count(DISTINCT version) AND count(*) > 0 FROM vestibule_migration";
    assert_eq!(database.psql(once), "t");
    let key_once = "SELECT count(*) FROM signing_key";
    assert_eq!(database.psql(key_once), "1");

    let [first, ..] = servers.as_slice() else { panic!("eight nodes") };
    assert_eq!(first.client().register("ada").await.status, StatusCode::CREATED);
    let tokens = first.client().tokens("ada").await;
    for server in &servers {
        assert_eq!(server.client().get("/health/ready").await.status, StatusCode::OK);
        assert_eq!(server.client().log_in("ada", PASSWORD).await.status, StatusCode::OK);
        assert_eq!(server.client().post_as("/api/users/token", &tokens.access).await.status, StatusCode::OK);
    }
    for server in servers {
        assert_eq!(server.stop().await.code(), Some(0));
    }
}
