//! The two scripts: what counts and refunds is one step, whatever else runs.

use std::time::Duration;

use redis::{ErrorKind, RedisError, Script, ScriptInvocation, aio::ConnectionLike};
use vestibule_core::{
    ports::throttle::{Count, Receipt},
    values::secret::random_bytes,
};

use crate::servers::Line;

/// Ten thousand years, which Redis can still add to its own clock.
const LONGEST_WINDOW_MILLIS: u128 = 10_000 * 365 * 86_400_000;

/// The scripts that count and refund.
pub(crate) struct Scripts {
    count: Script,
    refund: Script,
}

impl Scripts {
    pub(crate) fn new() -> Self {
        Self {
            count: Script::new(include_str!("count.lua")),
            refund: Script::new(include_str!("refund.lua")),
        }
    }

    pub(crate) async fn count(
        &self,
        line: Line,
        counter: &str,
        limit: u32,
        window: Duration,
    ) -> Result<Count, RedisError> {
        let mut call = self.count.key(counter);
        let millis = window.as_millis().min(LONGEST_WINDOW_MILLIS).to_string();
        call.arg(limit).arg(millis).arg(u64::from_ne_bytes(random_bytes()));
        let (outcome, number): (String, u64) = invoke(&call, line).await?;
        match outcome.as_str() {
            "counted" => Ok(Count::Counted(Receipt::Shared(number))),
            "limit" => Ok(Count::LimitReached { retry_after: Duration::from_millis(number) }),
            _ => Err((ErrorKind::UnexpectedReturnType, "the script answered something else").into()),
        }
    }

    pub(crate) async fn refund(&self, line: Line, counter: &str, number: u64) -> Result<(), RedisError> {
        let mut call = self.refund.key(counter);
        call.arg(number);
        invoke::<u64>(&call, line).await.map(drop)
    }
}

async fn invoke<T: redis::FromRedisValue>(call: &ScriptInvocation<'_>, line: Line) -> Result<T, RedisError> {
    async fn over<T: redis::FromRedisValue>(
        call: &ScriptInvocation<'_>,
        mut connection: impl ConnectionLike,
    ) -> Result<T, RedisError> {
        call.invoke_async(&mut connection).await
    }
    match line {
        Line::One(connection) => over(call, connection).await,
        Line::Cluster(connection) => over(call, connection).await,
    }
}
