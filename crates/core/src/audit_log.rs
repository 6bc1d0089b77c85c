//! The audit log's way to the store: bounded, and no request ever waits for it.

use std::{sync::Arc, time::Duration};

use tokio::sync::{Mutex, mpsc, oneshot};

use crate::ports::{audit::AuditEvent, store::Store};

/// How many events may wait for the store.
const CAPACITY: usize = 8192;
/// How many events are written at once.
const BATCH: usize = 256;
/// How long to wait before an event is offered again to a store that is away.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// Takes events from requests and hands them to the store in batches.
#[derive(Debug)]
pub(crate) struct AuditLog {
    store: Arc<dyn Store>,
    sender: mpsc::Sender<Message>,
    receiver: Mutex<mpsc::Receiver<Message>>,
}

#[derive(Debug)]
enum Message {
    Event(AuditEvent),
    Flush(oneshot::Sender<()>),
}

impl AuditLog {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        let (sender, receiver) = mpsc::channel(CAPACITY);
        Self { store, sender, receiver: Mutex::new(receiver) }
    }

    /// Queues an event. Where the queue is full, the event is counted and lost: an attacker who fills the queue
    /// must not be able to stop logins.
    pub(crate) fn record(&self, event: AuditEvent) {
        let kind = event.kind.as_str();
        if self.sender.try_send(Message::Event(event)).is_err() {
            metrics::counter!("vestibule_audit_dropped_total").increment(1);
            tracing::warn!(kind, "the audit queue is full; an event was dropped");
        }
    }

    /// Writes an event before going on, for commands that end right after.
    pub(crate) async fn write_now(&self, event: AuditEvent) {
        if let Err(error) = self.store.record_audit(vec![event]).await {
            tracing::error!(%error, "an audit event could not be written");
        }
    }

    /// Waits until everything recorded so far has been written.
    pub(crate) async fn flush(&self) {
        let (done, wait) = oneshot::channel();
        if self.sender.send(Message::Flush(done)).await.is_ok() {
            let _ = wait.await;
        }
    }

    /// Writes what arrives, for ever. Only one caller at a time does so.
    pub(crate) async fn run(&self) {
        let mut receiver = self.receiver.lock().await;
        let mut messages = Vec::with_capacity(BATCH);
        while receiver.recv_many(&mut messages, BATCH).await > 0 {
            let mut events = Vec::with_capacity(messages.len());
            let mut flushes = Vec::new();
            for message in messages.drain(..) {
                match message {
                    Message::Event(event) => events.push(event),
                    Message::Flush(done) => flushes.push(done),
                }
            }
            self.write_until_done(events).await;
            for done in flushes {
                let _ = done.send(());
            }
        }
    }

    async fn write_until_done(&self, events: Vec<AuditEvent>) {
        if events.is_empty() {
            return;
        }
        let mut is_reported = false;
        while let Err(error) = self.store.record_audit(events.clone()).await {
            if !is_reported {
                tracing::error!(%error, "audit events wait for the store");
                is_reported = true;
            }
            tokio::time::sleep(RETRY_PAUSE).await;
        }
    }
}
