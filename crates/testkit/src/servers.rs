//! Servers for tests: PostgreSQL, Redis and PgBouncer of their own, on free ports, and a proxy that spoils connections.
//!
//! Each keeps its files in a temporary folder and ends when its value is dropped. Where no value is dropped, because the
//! server is shared by a whole test binary or the binary was killed, a watchdog ends it with the process that started it.
//!
//! Everything here fails by panicking: with a sentence where a program is missing, with the server's log where it does
//! not start. Calls block; an asynchronous test that does something else meanwhile calls them from a blocking thread.
//!
//! ```
//! use vestibule_testkit::servers::PostgresServer;
//!
//! let database = PostgresServer::shared().fresh_database();
//! assert_eq!(database.psql("SELECT 1 + 1"), "2");
//! ```
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a test fails by panicking, as said above"
)]

use std::{thread, time::Duration};

mod authority;
mod daemon;
mod pgbouncer;
mod postgres;
mod programs;
mod proxy;
mod redis;
mod watchdog;

pub use authority::Authority;
pub(crate) use authority::Papers;
pub use pgbouncer::PgBouncer;
pub use postgres::{Database, PostgresServer, Shutdown};
pub use proxy::{Proxy, Traffic};
pub use redis::{RedisCluster, RedisSentinel, RedisServer};

/// How often a state is looked at while a test waits for it.
const PAUSE: Duration = Duration::from_millis(10);
/// Half a minute: so long anything may take before a test gives up. No test waits for it to pass.
const LOOKS: usize = 3_000;

/// Asks again and again until there is an answer; `None` if there is none for half a minute.
fn eventually<T>(mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    for _ in 0..LOOKS {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        thread::sleep(PAUSE);
    }
    None
}
