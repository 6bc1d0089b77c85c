//! Keeps the connection: looks after it, and finds the servers again when it is lost.

use std::{sync::Arc, time::Duration};

use redis::RedisError;
use tokio::time::{sleep, timeout};

use crate::{
    link::Link,
    script::Scripts,
    servers::{Line, Servers},
};

/// What connecting may take at all, sentinels and a cluster's layout included.
const CONNECT_PATIENCE: Duration = Duration::from_secs(2);
/// How often a connection is tried that nobody complains about, so that a loss is met by us and not by a login.
const PULSE: Duration = Duration::from_secs(1);
/// The pause before the servers are looked for again, at first and at most.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));
/// After so many good tries the next loss is a new one, and is met with the short pause.
const CALM: u32 = 10;

/// Whoever finds the servers and keeps the connection.
pub(crate) struct Keeper {
    pub(crate) servers: Servers,
    pub(crate) link: Arc<Link>,
    pub(crate) scripts: Arc<Scripts>,
    /// How long an answer may take.
    pub(crate) patience: Duration,
}

impl Keeper {
    /// Looks for the servers once.
    ///
    /// # Errors
    /// Why there is no connection that answers in time.
    pub(crate) async fn find(&mut self) -> Result<(), String> {
        let probe = self.link.probe();
        let connecting = async {
            let line = self.servers.connect().await?;
            // The first call may have to load the script, or learn where a cluster keeps the key.
            try_out(&self.scripts, line.clone(), &probe).await?;
            Ok::<_, RedisError>(line)
        };
        let line = match timeout(CONNECT_PATIENCE, connecting).await {
            Ok(line) => line.map_err(|error| error.to_string())?,
            Err(_) => return Err("no connection in time".to_owned()),
        };
        // A server that is too slow for a login is no better than one that is away.
        in_time(self.patience, try_out(&self.scripts, line.clone(), &probe)).await?;
        self.link.found(line);
        Ok(())
    }

    /// Keeps the connection for as long as anybody uses it.
    pub(crate) async fn keep(mut self) {
        let mut pause = PAUSES.0;
        loop {
            if self.link.borrow().is_some() && self.watch().await >= CALM {
                pause = PAUSES.0;
            }
            sleep(pause).await;
            pause = (pause * 2).min(PAUSES.1);
            if let Err(cause) = self.find().await {
                tracing::debug!(cause, "Redis is still away");
            }
        }
    }

    /// Looks after the connection until it is lost; gives the number of good tries.
    async fn watch(&self) -> u32 {
        let mut good = 0_u32;
        loop {
            tokio::select! {
                () = self.link.next_loss() => return good,
                () = sleep(PULSE) => {}
            }
            let Some(loan) = self.link.borrow() else { continue };
            let probe = self.link.probe();
            match in_time(self.patience, try_out(&self.scripts, loan.line.clone(), &probe)).await {
                Ok(()) => good = good.saturating_add(1),
                Err(cause) => self.link.lost(&loan, probe, &cause),
            }
        }
    }
}

/// Does what a login does, with a limit that nothing reaches: a replica or a user without rights must not pass.
pub(crate) async fn try_out(scripts: &Scripts, line: Line, probe: &str) -> Result<(), RedisError> {
    scripts.count(line, probe, u32::MAX, PULSE).await.map(drop)
}

/// Waits for an answer, but not longer than a login may.
pub(crate) async fn in_time<R>(
    patience: Duration,
    call: impl Future<Output = Result<R, RedisError>>,
) -> Result<R, String> {
    match timeout(patience, call).await {
        Ok(outcome) => outcome.map_err(|error| error.to_string()),
        Err(_) => Err(format!("no answer within {} ms", patience.as_millis())),
    }
}
