//! The throttle: counts in Redis while it answers in time, in memory while it does not.

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use async_trait::async_trait;
use redis::RedisError;
use tokio::task::JoinHandle;
use vestibule_core::{
    memory_throttle::MemoryThrottle,
    ports::{
        clock::{Clock, SystemClock},
        store::StoreError,
        throttle::{Count, Receipt, Rise, Standing, Throttle, ThrottleKey},
    },
    values::secret::random_bytes,
};

use crate::{
    keeper::{Keeper, in_time, try_out},
    link::{FALLBACKS, Link, Loan},
    script::Scripts,
    servers::{Line, Servers},
    url::RedisUrl,
};

/// How Redis is used.
#[derive(Clone, Debug)]
pub struct RedisOptions {
    /// Where it is.
    pub url: RedisUrl,
    /// A file of certificates (PEM) to trust instead of those that the machine trusts. By default none.
    pub tls_ca_file: Option<PathBuf>,
    /// What every key begins with, so that several installations can share a Redis. By default `vestibule`.
    pub prefix: String,
    /// How long an answer may take before a login goes on without it. By default 100 ms.
    pub patience: Duration,
    /// The clock of the limits that hold while Redis is away. By default the system's.
    pub clock: Arc<dyn Clock>,
}

impl RedisOptions {
    /// The defaults for a Redis.
    #[must_use]
    pub fn new(url: RedisUrl) -> Self {
        Self {
            url,
            tls_ca_file: None,
            prefix: "vestibule".to_owned(),
            patience: Duration::from_millis(100),
            clock: Arc::new(SystemClock),
        }
    }
}

/// Counts attempts in Redis or Valkey, for all nodes together.
///
/// While Redis is away or answers late, it counts for this node alone; it says so once and goes back by itself. An answer
/// that comes late may have been counted in both places; the count in Redis ends with its window.
pub struct RedisThrottle {
    link: Arc<Link>,
    scripts: Arc<Scripts>,
    alone: MemoryThrottle,
    prefix: String,
    patience: Duration,
    keeper: JoinHandle<()>,
}

impl RedisThrottle {
    /// Connects, and keeps the connection on the current tokio runtime until this is dropped.
    ///
    /// A Redis that does not answer is waited for two seconds at most; then limits hold for this node alone until it does.
    ///
    /// # Errors
    /// What the URL asks for cannot be had, for example TLS on a system without certificates to trust.
    pub async fn start(options: RedisOptions) -> Result<Self, RedisStartError> {
        let RedisOptions { url, tls_ca_file, prefix, patience, clock } = options;
        let link = Arc::new(Link::new(url.to_string(), probe(&prefix, "start")));
        let scripts = Arc::new(Scripts::new());
        let servers = Servers::of(&url, tls_ca_file.as_deref())?;
        let mut keeper = Keeper { servers, link: Arc::clone(&link), scripts: Arc::clone(&scripts), patience };
        if let Err(cause) = keeper.find().await {
            link.never_found(&cause);
        }
        let keeper = tokio::spawn(keeper.keep());
        Ok(Self { link, scripts, alone: MemoryThrottle::new(clock), prefix, patience, keeper })
    }

    /// Whether limits are counted in Redis now.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        self.link.borrow().is_some()
    }

    /// Asks Redis; `None` where it did not answer.
    async fn ask<R, F>(
        &self,
        key: &ThrottleKey,
        operation: &'static str,
        call: impl FnOnce(Line, String) -> F + Send,
    ) -> Option<R>
    where
        F: Future<Output = Result<R, RedisError>> + Send,
    {
        if let Some(loan) = self.link.borrow() {
            let (counter, probe) = (counter(&self.prefix, key), probe(&self.prefix, key));
            let asking = self.whose_fault(&loan, &probe, call(loan.line.clone(), counter.clone()));
            match in_time(self.patience, asking).await {
                Ok(Ok(answer)) => return Some(answer),
                Ok(Err(error)) => self.link.refused(&loan, &counter, &error),
                Err(cause) => self.link.lost(&loan, probe, &cause),
            }
        }
        metrics::counter!(FALLBACKS, "operation" => operation).increment(1);
        None
    }

    /// Tells an error that one counter alone meets, inside, from one that all would.
    ///
    /// Another program's key under the name of one counter must not undo the limits of everybody else. The words of
    /// the error do not tell: before version 7, Redis has the same code for all that a script meets.
    async fn whose_fault<R>(
        &self,
        loan: &Loan,
        probe: &str,
        call: impl Future<Output = Result<R, RedisError>>,
    ) -> Result<Result<R, RedisError>, RedisError> {
        let error = match call.await {
            Ok(answer) => return Ok(Ok(answer)),
            Err(error) => error,
        };
        let is_answer = !error.is_io_error();
        if is_answer && try_out(&self.scripts, loan.line.clone(), probe).await.is_ok() {
            return Ok(Err(error));
        }
        Err(error)
    }
}

#[async_trait]
impl Throttle for RedisThrottle {
    async fn count(&self, key: &ThrottleKey, limit: u32, window: Duration) -> Result<Count, StoreError> {
        let scripts = &self.scripts;
        let call = |line, counter: String| async move { scripts.count(line, &counter, limit, window).await };
        match self.ask(key, "count", call).await {
            Some(count) => Ok(count),
            None => self.alone.count(key, limit, window).await,
        }
    }

    async fn count_rising(&self, key: &ThrottleKey, rise: Rise) -> Result<Count, StoreError> {
        let scripts = &self.scripts;
        let call = |line, counter: String| async move { scripts.count_rising(line, &counter, rise).await };
        match self.ask(key, "count_rising", call).await {
            Some(count) => Ok(count),
            None => self.alone.count_rising(key, rise).await,
        }
    }

    async fn refund(&self, key: &ThrottleKey, receipt: Receipt) -> Result<(), StoreError> {
        let Receipt::Shared(number) = receipt else { return self.alone.refund(key, receipt).await };
        let scripts = &self.scripts;
        let call = |line, counter: String| async move { scripts.refund(line, &counter, number).await };
        // Where Redis is away the attempt stays counted until its window ends; no login fails for that.
        self.ask(key, "refund", call).await;
        Ok(())
    }

    async fn forget(&self, key: &ThrottleKey) -> Result<(), StoreError> {
        self.alone.forget(key).await?;
        let scripts = &self.scripts;
        let call = |line, counter: String| async move { scripts.forget(line, &counter).await };
        // Where Redis is away, what it has counted is forgotten when its time is over; no login fails for that.
        self.ask(key, "forget", call).await;
        Ok(())
    }

    async fn look(&self, key: &ThrottleKey) -> Result<Standing, StoreError> {
        let scripts = &self.scripts;
        let call = |line, counter: String| async move { scripts.look(line, &counter).await };
        match self.ask(key, "look", call).await {
            Some(standing) => Ok(standing),
            None => self.alone.look(key).await,
        }
    }
}

impl Drop for RedisThrottle {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

impl fmt::Debug for RedisThrottle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisThrottle").field("is_shared", &self.is_shared()).finish_non_exhaustive()
    }
}

/// Redis cannot be used as it is configured.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RedisStartError {
    /// The URL asks for what cannot be had.
    #[error("Redis cannot be used as configured: {0}")]
    Client(#[from] RedisError),
    /// The file of certificates cannot be used.
    #[error("{} holds no certificate to trust ({cause}): redis.tls_ca_file must name a PEM file", path.display())]
    Certificates {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        cause: String,
    },
}

/// The name of a counter. What stands in braces decides where a cluster keeps it.
fn counter(prefix: &str, key: &ThrottleKey) -> String {
    format!("{prefix}:throttle:{{{key}}}")
}

/// A key that nobody is limited by and nobody else has, beside the counter in a cluster.
fn probe(prefix: &str, beside: impl fmt::Display) -> String {
    format!("{prefix}:probe:{{{beside}}}:{:016x}", u64::from_ne_bytes(random_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use vestibule_core::values::client::ClientNetwork;

    #[test]
    fn a_counter_and_its_probe_live_on_the_same_node_of_a_cluster() {
        let network = ClientNetwork::of("2001:db8::1".parse().unwrap());
        let key = ThrottleKey::Login(network);
        assert_eq!(counter("vestibule", &key), "vestibule:throttle:{login/2001:db8::/64}");
        let beside = probe("vestibule", &key);
        assert!(beside.starts_with("vestibule:probe:{login/2001:db8::/64}:"), "{beside}");
        assert_ne!(probe("vestibule", &key), beside);
    }
}
