//! What the hashing threads and those who wait for them share.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use vestibule_core::{
    ports::{clock::Stopwatch, hasher::HashError},
    values::client::ClientNetwork,
};

use crate::{
    config::HashingConfig,
    job::Job,
    load::Load,
    priority,
    queue::{FairQueue, ItemId, Joined},
    workbench::Workbench,
};

const QUEUE_DEPTH: &str = "vestibule_hash_queue_depth";
const QUEUE_WAIT: &str = "vestibule_hash_queue_wait_seconds";
const DURATION: &str = "vestibule_hash_duration_seconds";
const REJECTED: &str = "vestibule_hash_rejected_total";

/// The queue, and the bell that tells the threads of new work.
pub(crate) struct Desk {
    state: Mutex<State>,
    has_news: Condvar,
}

struct State {
    queue: FairQueue<Job>,
    load: Load,
    is_stopping: bool,
}

impl Desk {
    pub(crate) fn new(config: &HashingConfig) -> Self {
        let state = State { queue: FairQueue::new(), load: Load::new(config), is_stopping: false };
        Self { state: Mutex::new(state), has_news: Condvar::new() }
    }

    /// Queues a job. What cannot wait is answered at once, be it this one or the one it displaces.
    pub(crate) fn submit(&self, requester: ClientNetwork, job: Job) -> Option<ItemId> {
        let mut state = self.state();
        if state.is_stopping {
            job.refuse(HashError::Stopped);
            return None;
        }
        let room = state.load.room();
        let joined = state.queue.join(requester, job, room);
        let retry_after = state.load.retry_after(state.queue.len());
        if matches!(joined, Joined::Waits(_)) {
            // Under the lock: afterwards a thread might count the job off before it was counted.
            metrics::gauge!(QUEUE_DEPTH).increment(1.0);
        }
        drop(state);
        let (id, turned_away) = match joined {
            Joined::Waits(id) => (Some(id), None),
            Joined::Displaced(id, other) => (Some(id), Some(other)),
            Joined::Full(job) => (None, Some(job)),
        };
        if let Some(job) = turned_away {
            metrics::counter!(REJECTED).increment(1);
            job.refuse(HashError::Overloaded { retry_after });
        }
        if id.is_some() {
            self.has_news.notify_one();
        }
        id
    }

    /// Takes out a job that nobody waits for any more.
    pub(crate) fn withdraw(&self, requester: ClientNetwork, id: ItemId) {
        let withdrawn = self.state().queue.withdraw(requester, id);
        if withdrawn.is_some() {
            metrics::gauge!(QUEUE_DEPTH).decrement(1.0);
        }
    }

    /// Lets the threads end, and answers those who wait.
    pub(crate) fn stop(&self) {
        let mut state = self.state();
        state.is_stopping = true;
        let waiting: Vec<Job> = state.queue.drain().collect();
        drop(state);
        self.has_news.notify_all();
        for job in waiting {
            metrics::gauge!(QUEUE_DEPTH).decrement(1.0);
            job.refuse(HashError::Stopped);
        }
    }

    /// The number of waiting jobs.
    pub(crate) fn waiting(&self) -> usize {
        self.state().queue.len()
    }

    /// Does the jobs one after the other until [`Self::stop`]; the life of a hashing thread.
    pub(crate) fn work(&self, workbench: &mut Workbench) {
        priority::give_way();
        while let Some(job) = self.next_job() {
            metrics::gauge!(QUEUE_DEPTH).decrement(1.0);
            metrics::histogram!(QUEUE_WAIT).record(job.waits_since().elapsed().as_secs_f64());
            let working = Stopwatch::start();
            // A panic costs one answer (its sender is dropped, the caller hears `Stopped`), not a thread for ever.
            if catch_unwind(AssertUnwindSafe(|| job.run(workbench))).is_err() {
                tracing::error!("hashing a password panicked; the thread goes on");
            }
            self.record(working.elapsed());
        }
    }

    fn next_job(&self) -> Option<Job> {
        let mut state = self.state();
        loop {
            if state.is_stopping {
                return None;
            }
            if let Some(job) = state.queue.pop() {
                return Some(job);
            }
            state = self.has_news.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn record(&self, taken: Duration) {
        metrics::histogram!(DURATION).record(taken.as_secs_f64());
        self.state().load.record(taken);
    }

    /// Nothing that is done under the lock leaves the queue half changed, so a panic elsewhere does not matter.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
