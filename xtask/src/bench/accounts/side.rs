//! The release server on a database with a number of accounts, and somebody who asks it.

use std::time::Duration;

use anyhow::{Context, ensure};
use serde_json::json;
use vestibule::{
    core::{
        ports::{PasswordHasher, Stopwatch},
        values::{client::ClientNetwork, password::Password, secret::random_bytes},
    },
    hashing::{HashingConfig, HashingPool},
};

use super::{
    super::{
        client::{Connection, request},
        database::{Database, EngineKind, Population},
        process::Listening,
        server::{self, JSON, PASSWORD, READY, Tokens, protected_request, refresh_request, tokens},
    },
    Route,
};

/// How many accounts have somebody who is logged in.
const VISITORS: usize = 2_000;
/// How many of them log in at once.
const AT_ONCE: usize = 8;

/// A server, and who is logged in to it.
pub(super) struct Side {
    server: Listening,
    connection: Connection,
    accounts: u64,
    visitors: Vec<Tokens>,
    /// How many requests there were; names new accounts, and says whose turn it is.
    turn: usize,
    /// Goes after the server.
    _database: Database,
}

impl Side {
    /// Makes the accounts and lets some of their owners log in.
    pub(super) async fn make(engine: EngineKind, accounts: u64) -> anyhow::Result<Self> {
        let clock = Stopwatch::start();
        let (database, store) = Database::make(engine).await?;
        database.fill(Population { accounts, sessions: accounts }, &hash().await?).await?;
        // Only one may serve a file.
        store.close().await;
        let mut server = server::spawn_with(|command| {
            command.env("VESTIBULE_SECRET_KEY", server::secret_key());
            match &database {
                Database::Sqlite { path, .. } => {
                    command.env("VESTIBULE_DATA_DIR", path.parent().unwrap_or(path))
                }
                Database::Postgres(database) => command.env("VESTIBULE_DATABASE_URL", database.url()),
            };
        })?;
        server.until_ready(READY).await?;
        let connection = Connection::open(server.address()).await?;
        let visitors = log_in(&server, accounts).await?;
        let seconds = clock.elapsed().as_secs_f64();
        println!("accounts: {engine} with {accounts}, {} logged in, after {seconds:.1} s", visitors.len());
        Ok(Self { server, connection, accounts, visitors, turn: 0, _database: database })
    }

    /// Ends the server.
    pub(super) async fn stop(self) -> anyhow::Result<()> {
        self.server.stop().await
    }

    /// Asks for something about an account drawn from all of them, or about the next one that is logged in; says how
    /// long the answer took.
    pub(super) async fn request(&mut self, route: Route) -> anyhow::Result<Duration> {
        self.turn += 1;
        let number = draw(self.accounts);
        let place = self.turn % self.visitors.len();
        let visitor = self.visitors.get_mut(place).context("nobody is logged in")?;
        let question = match route {
            Route::LoginByEmail => server::login_request_as(&format!("user{number}%40example.org")),
            Route::LoginByUsername => server::login_request_as(&format!("user{number}")),
            Route::Register => registration(self.turn),
            Route::Refresh => refresh_request(&visitor.refresh),
            Route::Me => protected_request("GET", "/api/v1/users/me", &visitor.access),
        };
        let expected = if route == Route::Register { 201 } else { 200 };

        let clock = Stopwatch::start();
        let answer = self.connection.exchange(&question).await?;
        let elapsed = clock.elapsed();
        let body = String::from_utf8_lossy(answer.body);
        ensure!(answer.status == expected, "{} answered {}: {body}", route.name(), answer.status);
        if route == Route::Refresh {
            *visitor = tokens(answer.body)?;
        }
        Ok(elapsed)
    }
}

/// A hash that the server need not make anew.
async fn hash() -> anyhow::Result<String> {
    let pool = HashingPool::start(HashingConfig::default())?;
    Ok(pool.hash(Password::new(PASSWORD), ClientNetwork::LOCAL).await?.expose().to_owned())
}

fn registration(number: usize) -> Vec<u8> {
    let (email, username) = (format!("newcomer{number}@example.org"), format!("newcomer{number}"));
    let body = json!({ "email": email, "username": username, "password": PASSWORD }).to_string();
    request("POST", "/api/v1/users", &[JSON], &body)
}

/// One of so many numbers.
fn draw(count: u64) -> u64 {
    u64::from_le_bytes(random_bytes()) % count
}

/// Logs in to accounts drawn from all, some at once.
async fn log_in(server: &Listening, accounts: u64) -> anyhow::Result<Vec<Tokens>> {
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..AT_ONCE {
        let mut connection = Connection::open(server.address()).await?;
        running.spawn(async move {
            let mut visitors = Vec::new();
            for _ in 0..VISITORS / AT_ONCE {
                let question = server::login_request_as(&format!("user{}", draw(accounts)));
                visitors.push(tokens(connection.exchange(&question).await?.body)?);
            }
            anyhow::Ok(visitors)
        });
    }
    let visitors = running.join_all().await.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
    Ok(visitors.into_iter().flatten().collect())
}
