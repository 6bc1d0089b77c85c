//! Attempts: a body is run again from its start where the database asks for it, a bounded number of times.

use std::time::Duration;

use vestibule_core::{ports::store::StoreError, values::secret::random_bytes};

use super::{
    Postgres,
    failure::{Remedy, is_refused, remedy, store_error, within},
    pool::{Connections, Lease},
    tx::PostgresTx,
};
use crate::engine::Body;

/// How often a body is run before its failure is told.
const ATTEMPTS: u32 = 12;
/// How often it is run on yet another connection: a server that went away leaves dead ones behind.
const CONNECTIONS: u32 = 3;
/// The longest pause before the second attempt; it doubles with each further one, up to 64 times itself.
const PAUSE: Duration = Duration::from_millis(4);

/// How an attempt failed.
struct Failed {
    error: StoreError,
    /// Whether what it did may have been kept.
    is_doubtful: bool,
}

/// How a body is run.
#[derive(Clone, Copy, Debug)]
pub(super) enum Way {
    /// Looks something up on a shared connection.
    Look,
    /// The same, and not behind requests where nothing is shared either.
    Watch,
    /// Reads on a connection of its own. What only reads can always be done again.
    List,
    /// Each statement is committed by itself.
    Step,
    /// In one transaction.
    Transaction,
}

/// Runs a body until it succeeds, or fails in a way that another attempt would not help or might do everything twice.
pub(super) async fn run<A: Sync, R>(
    connections: &Connections,
    way: Way,
    arguments: &A,
    body: Body<Postgres, A, R>,
) -> Result<R, StoreError> {
    let mut attempts = Attempts::default();
    loop {
        let outcome = match way {
            Way::Look | Way::Watch => look(connections, way, arguments, body).await.map_err(Failed::before),
            Way::List => single(connections, way, arguments, body).await.map_err(Failed::before),
            Way::Step => single(connections, way, arguments, body).await.map_err(Failed::step),
            Way::Transaction => transact(connections, arguments, body).await,
        };
        match outcome {
            Ok(answer) => return Ok(answer),
            Err(failed) => attempts.after(connections, failed).await?,
        }
    }
}

async fn look<A: Sync, R>(
    connections: &Connections,
    way: Way,
    arguments: &A,
    body: Body<Postgres, A, R>,
) -> Result<R, StoreError> {
    let Some(shared) = connections.shared().await? else {
        return single(connections, way, arguments, body).await;
    };
    let outcome = body(&mut connections.tx(&shared), arguments).await;
    if outcome.as_ref().is_err_and(|error| remedy(error) != Remedy::None) {
        connections.forget(&shared);
    }
    outcome
}

async fn single<A: Sync, R>(
    connections: &Connections,
    way: Way,
    arguments: &A,
    body: Body<Postgres, A, R>,
) -> Result<R, StoreError> {
    let lease = match way {
        Way::Watch => connections.lease_apart().await?,
        _ => connections.lease().await?,
    };
    let outcome = body(&mut connections.tx(lease.connection()), arguments).await;
    lease.give_back(outcome)
}

async fn transact<A: Sync, R>(
    connections: &Connections,
    arguments: &A,
    body: Body<Postgres, A, R>,
) -> Result<R, Failed> {
    let mut lease = connections.lease().await.map_err(Failed::before)?;
    match begin_and_run(connections, &mut lease, arguments, body).await {
        Ok(answer) => Ok(answer),
        Err(failed) => {
            let is_doubtful = failed.is_doubtful;
            lease.give_back(Err(failed.error)).map_err(|error| Failed { error, is_doubtful })
        }
    }
}

async fn begin_and_run<A: Sync, R>(
    connections: &Connections,
    lease: &mut Lease,
    arguments: &A,
    body: Body<Postgres, A, R>,
) -> Result<R, Failed> {
    let limit = connections.limit();
    let begin = lease.connection_mut().transaction();
    let begin = async { begin.await.map_err(|source| store_error("BEGIN", source)) };
    let transaction = within(limit, begin).await.map_err(Failed::before)?;
    let cache = connections.is_prepared().then_some(&*transaction.statement_cache);
    let mut tx = PostgresTx::new(transaction.client(), cache, limit);
    let answer = body(&mut tx, arguments).await;
    let is_to_be_told = tx.is_to_be_told();
    // Dropped without a COMMIT, the transaction is rolled back before the connection does anything else.
    let answer = answer.map_err(Failed::before)?;
    let commit = async { transaction.commit().await.map_err(|source| store_error("COMMIT", source)) };
    match within(limit, commit).await {
        Ok(()) => {
            if is_to_be_told {
                connections.hints().tell();
            }
            Ok(answer)
        }
        Err(error) => Err(Failed { is_doubtful: !is_refused(&error), error }),
    }
}

impl Failed {
    /// Before anything was kept.
    fn before(error: StoreError) -> Self {
        Self { error, is_doubtful: false }
    }

    /// In a statement that is committed by itself: done, unless the database said otherwise.
    fn step(error: StoreError) -> Self {
        Self { is_doubtful: remedy(&error) == Remedy::Lost, error }
    }
}

/// How often a body was run, and on how many connections.
#[derive(Default)]
struct Attempts {
    made: u32,
    lost: u32,
}

impl Attempts {
    /// Waits a little before the next attempt; gives the failure back where there is to be none.
    async fn after(&mut self, connections: &Connections, failed: Failed) -> Result<(), StoreError> {
        let remedy = if failed.is_doubtful { Remedy::None } else { remedy(&failed.error) };
        self.made += 1;
        if matches!(remedy, Remedy::Elsewhere | Remedy::Stale | Remedy::Lost) {
            self.lost += 1;
        }
        if matches!(remedy, Remedy::Elsewhere | Remedy::Stale) {
            // The others lead to the same server, and have prepared the same.
            connections.forget_all();
        }
        let is_final = matches!(remedy, Remedy::None | Remedy::Silent);
        if is_final || self.made >= ATTEMPTS || self.lost >= CONNECTIONS {
            return Err(failed.error);
        }
        metrics::counter!("vestibule_database_retries_total").increment(1);
        tokio::time::sleep(pause(self.made)).await;
        Ok(())
    }
}

/// A random pause, so that those who met do not meet again.
fn pause(attempts: u32) -> Duration {
    let longest = PAUSE * 2_u32.pow(attempts.saturating_sub(1).min(6));
    let [random] = random_bytes::<1>();
    longest * u32::from(random) / u32::from(u8::MAX)
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn pauses_are_bounded() {
        for attempts in 0..100 {
            assert!(pause(attempts) <= PAUSE * 64);
        }
    }
}
