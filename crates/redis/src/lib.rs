//! Counters that many nodes share, in Redis or Valkey: a single server, sentinels, or a cluster.
//!
//! Nothing here is worth a refused login. While Redis is away or slow, limits go on for each node by itself, a warning
//! says so once, the gauge `vestibule_redis_up` is 0, and the node goes back by itself.

#![forbid(unsafe_code)]

mod keeper;
mod link;
mod script;
mod servers;
mod throttle;
mod url;
mod url_error;

pub use throttle::{RedisOptions, RedisStartError, RedisThrottle};
pub use url::RedisUrl;
pub use url_error::RedisUrlError;
