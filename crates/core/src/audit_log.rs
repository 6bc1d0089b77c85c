//! The audit log's way to the store: bounded, and no request ever waits for it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::{Mutex, mpsc, oneshot};

use crate::ports::{
    audit::{AuditBatch, AuditEvent},
    store::{Store, StoreError},
};

/// How many events may wait for the store.
const CAPACITY: usize = 8192;
/// How many events are written at once.
const BATCH: usize = 256;
/// How long events are gathered, so that a busy minute of logins costs a few commits and not thousands.
const GATHERING: Duration = Duration::from_millis(100);
/// How long to wait before an event is offered again to a store that is away.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// Takes events from requests and hands them to the store in batches.
#[derive(Debug)]
pub(crate) struct AuditLog {
    store: Arc<dyn Store>,
    sender: mpsc::Sender<Message>,
    receiver: Mutex<mpsc::Receiver<Message>>,
    dropped: AtomicU64,
}

#[derive(Debug)]
enum Message {
    Event(AuditEvent),
    Flush(oneshot::Sender<()>),
}

impl AuditLog {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        let (sender, receiver) = mpsc::channel(CAPACITY);
        Self { store, sender, receiver: Mutex::new(receiver), dropped: AtomicU64::new(0) }
    }

    /// Queues an event. Where the queue is full, the event is counted and lost: an attacker who fills the queue
    /// must not be able to stop logins.
    pub(crate) fn record(&self, event: AuditEvent) {
        if self.sender.try_send(Message::Event(event)).is_err() {
            metrics::counter!("vestibule_audit_dropped_total").increment(1);
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Writes an event before going on, for commands that end right after.
    pub(crate) async fn write_now(&self, event: AuditEvent) {
        if let Err(error) = self.store.record_audit(AuditBatch::new(vec![event])).await {
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

    /// Writes everything recorded so far, for processes without upkeep.
    pub(crate) async fn settle(&self) {
        tokio::select! {
            () = self.run() => {}
            () = self.flush() => {}
        }
    }

    /// Writes what arrives, for ever. Only one caller at a time does so.
    pub(crate) async fn run(&self) {
        let mut receiver = self.receiver.lock().await;
        let mut batch = Batch::default();
        while batch.gather(&mut receiver).await {
            self.write_until_done(std::mem::take(&mut batch.events)).await;
            for done in batch.flushes.drain(..) {
                let _ = done.send(());
            }
            let dropped = self.dropped.swap(0, Ordering::Relaxed);
            if dropped > 0 {
                tracing::warn!(dropped, "the audit queue was full; events were dropped");
            }
        }
    }

    async fn write_until_done(&self, events: Vec<AuditEvent>) {
        if events.is_empty() {
            return;
        }
        // Made once: what is offered again may have been written, and only its answer lost.
        let batch = AuditBatch::new(events);
        let mut is_reported = false;
        while let Err(error) = self.store.record_audit(batch.clone()).await {
            if matches!(error, StoreError::Broken(_)) {
                tracing::error!(%error, lost = batch.entries().len(), "audit events cannot be written and are lost");
                return;
            }
            if !is_reported {
                tracing::error!(%error, "audit events wait for the store");
                is_reported = true;
            }
            tokio::time::sleep(RETRY_PAUSE).await;
        }
    }
}

/// Events that are written together.
#[derive(Default)]
struct Batch {
    events: Vec<AuditEvent>,
    flushes: Vec<oneshot::Sender<()>>,
}

impl Batch {
    /// Waits for the first event and then a little longer for more; `false` where none can come any more.
    async fn gather(&mut self, receiver: &mut mpsc::Receiver<Message>) -> bool {
        let Some(first) = receiver.recv().await else {
            return false;
        };
        self.add(first);
        let more = async {
            while self.events.len() < BATCH && self.flushes.is_empty() {
                match receiver.recv().await {
                    Some(message) => self.add(message),
                    None => break,
                }
            }
        };
        // Running out of time is the usual end.
        let _ = tokio::time::timeout(GATHERING, more).await;
        true
    }

    fn add(&mut self, message: Message) {
        match message {
            Message::Event(event) => self.events.push(event),
            Message::Flush(done) => self.flushes.push(done),
        }
    }
}
