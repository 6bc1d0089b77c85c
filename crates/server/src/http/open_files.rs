//! How many files the process may have open: every connection is one.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What the database, the logs, listeners and the runtime may need beside connections.
const RESERVE: u64 = 100;

/// Raises the soft limit of open files to the hard one, and warns if that is too low for `max_connections`.
pub fn make_room(max_connections: usize) {
    let limit = raise();
    let needed = needed(max_connections);
    if let Some(limit) = limit.filter(|limit| *limit < needed) {
        tracing::warn!(
            limit,
            needed,
            "the system lets this process open fewer files than server.max_connections asks for; raise its limit \
             (LimitNOFILE in systemd, ulimit -n in a shell) or lower the key"
        );
    }
}

/// The limit that holds afterwards; none is no limit.
fn raise() -> Option<u64> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current == maximum {
        return current;
    }
    match setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        Ok(()) => maximum,
        // Some systems say "no limit" and take only numbers.
        Err(error) => {
            tracing::debug!(%error, "the limit of open files stays as it is");
            current
        }
    }
}

fn needed(max_connections: usize) -> u64 {
    u64::try_from(max_connections).unwrap_or(u64::MAX).saturating_add(RESERVE)
}
