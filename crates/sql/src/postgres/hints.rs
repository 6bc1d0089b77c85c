//! Hints: by `LISTEN` and `NOTIFY` a node hears of a change before it would have asked.
//!
//! Nothing rests on them. They are lost with the connection, and some databases have none; the stamps tell what has
//! changed, and nodes ask for them all the same.

use std::{sync::Arc, time::Duration};

use tokio::{sync::Notify, task::JoinHandle, time::timeout};
use tokio_postgres::{Client, Error, error::SqlState};

use super::dial::{Dialer, Unreached};

/// The first pause before another connection; it doubles with each further one.
const PAUSE: Duration = Duration::from_millis(250);
const PAUSE_MAX: Duration = Duration::from_secs(15);

/// What is to be told and what was heard: however often, it is one hint until somebody takes it.
#[derive(Debug, Default)]
pub(super) struct Hints {
    to_tell: Notify,
    heard: Notify,
}

impl Hints {
    /// Tells the other nodes that something has changed.
    ///
    /// After its COMMIT: PostgreSQL lets transactions that notify commit only one after the other, in all its databases.
    pub(super) fn tell(&self) {
        self.to_tell.notify_one();
    }

    /// Waits until a node has told something.
    pub(super) async fn heard(&self) {
        self.heard.notified().await;
    }
}

/// The task that listens; it ends when this is dropped.
#[derive(Debug)]
pub(super) struct Listener(JoinHandle<()>);

impl Listener {
    pub(super) fn start(dialer: Arc<Dialer>, limit: Duration, hints: Arc<Hints>) -> Self {
        Self(tokio::spawn(async move { listen_on(&dialer, limit, &hints).await }))
    }

    pub(super) fn stop(&self) {
        self.0.abort();
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Why no more is heard.
#[derive(Debug, thiserror::Error)]
enum Deaf {
    #[error(transparent)]
    Database(#[from] Error),
    #[error(transparent)]
    Unreached(#[from] Unreached),
    #[error("the connection was closed")]
    Closed,
    #[error("there was no answer in time")]
    Silence,
}

impl Deaf {
    /// Whether the database does not know what `LISTEN` is.
    fn is_for_good(&self) -> bool {
        let Self::Database(error) = self else { return false };
        error.code().is_some_and(|code| {
            [SqlState::SYNTAX_ERROR, SqlState::FEATURE_NOT_SUPPORTED, SqlState::UNDEFINED_FUNCTION]
                .contains(code)
        })
    }
}

/// Listens, on one connection after the other.
async fn listen_on(dialer: &Dialer, limit: Duration, hints: &Hints) {
    let mut pause = PAUSE;
    loop {
        let deaf = listen(dialer, limit, hints, &mut pause).await;
        if deaf.is_for_good() {
            tracing::debug!(error = %deaf, "the database has no LISTEN; changes are asked for and not heard of");
            return;
        }
        tracing::debug!(error = %deaf, "changes are not heard of until there is another connection");
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

/// Connects and listens until that comes to an end.
async fn listen(dialer: &Dialer, limit: Duration, hints: &Hints, pause: &mut Duration) -> Deaf {
    let (client, line) = match dialer.dial().await {
        Ok(connected) => connected,
        Err(unreached) => return unreached.into(),
    };
    tokio::select! {
        ended = line.carry_with(|| hints.heard.notify_one()) => ended.map_or(Deaf::Closed, Deaf::from),
        deaf = tell(&client, hints, limit, pause) => deaf,
    }
}

/// Sends what is to be told, once the connection listens, until it no longer can.
async fn tell(client: &Client, hints: &Hints, limit: Duration, pause: &mut Duration) -> Deaf {
    if let Err(deaf) = say(client, "LISTEN vestibule_change", limit).await {
        return deaf;
    }
    *pause = PAUSE;
    loop {
        hints.to_tell.notified().await;
        if let Err(deaf) = say(client, "NOTIFY vestibule_change", limit).await {
            return deaf;
        }
    }
}

async fn say(client: &Client, sql: &str, limit: Duration) -> Result<(), Deaf> {
    timeout(limit, client.batch_execute(sql)).await.map_err(|_| Deaf::Silence)?.map_err(Deaf::from)
}
