//! The scripts: what counts and refunds is one step, whatever else runs.

use std::time::Duration;

use redis::{ErrorKind, RedisError, Script, ScriptInvocation, aio::ConnectionLike};
use vestibule_core::{
    ports::throttle::{Count, Receipt, Rise, Standing},
    values::secret::random_bytes,
};

use crate::servers::Line;

/// Ten thousand years, which Redis can still add to its own clock.
const LONGEST_WINDOW_MILLIS: u128 = 10_000 * 365 * 86_400_000;

/// The scripts that count, refund, forget and look.
pub(crate) struct Scripts {
    count: Script,
    rise: Script,
    refund: Script,
    forget: Script,
    look: Script,
}

impl Scripts {
    pub(crate) fn new() -> Self {
        Self {
            count: Script::new(include_str!("count.lua")),
            rise: Script::new(include_str!("rise.lua")),
            refund: Script::new(include_str!("refund.lua")),
            forget: Script::new("return redis.call('DEL', KEYS[1])"),
            look: Script::new(include_str!("look.lua")),
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
        call.arg(limit).arg(millis(window)).arg(u64::from_ne_bytes(random_bytes()));
        counted(invoke(&call, line).await?)
    }

    pub(crate) async fn count_rising(
        &self,
        line: Line,
        counter: &str,
        rise: Rise,
    ) -> Result<Count, RedisError> {
        let mut call = self.rise.key(counter);
        call.arg(rise.free).arg(millis(rise.first_wait)).arg(millis(rise.longest_wait));
        call.arg(millis(rise.memory)).arg(u64::from_ne_bytes(random_bytes()));
        counted(invoke(&call, line).await?)
    }

    pub(crate) async fn refund(&self, line: Line, counter: &str, number: u64) -> Result<(), RedisError> {
        let mut call = self.refund.key(counter);
        call.arg(number);
        invoke::<u64>(&call, line).await.map(drop)
    }

    pub(crate) async fn forget(&self, line: Line, counter: &str) -> Result<(), RedisError> {
        invoke::<u64>(&self.forget.key(counter), line).await.map(drop)
    }

    pub(crate) async fn look(&self, line: Line, counter: &str) -> Result<Standing, RedisError> {
        let (count, age, is_open): (u32, u64, bool) = invoke(&self.look.key(counter), line).await?;
        Ok(Standing { count, age: Duration::from_millis(age), is_open })
    }
}

fn millis(span: Duration) -> String {
    span.as_millis().min(LONGEST_WINDOW_MILLIS).to_string()
}

fn counted((outcome, number): (String, u64)) -> Result<Count, RedisError> {
    match outcome.as_str() {
        "counted" => Ok(Count::Counted(Receipt::Shared(number))),
        "limit" => Ok(Count::LimitReached { retry_after: Duration::from_millis(number) }),
        _ => Err((ErrorKind::UnexpectedReturnType, "the script answered something else").into()),
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
