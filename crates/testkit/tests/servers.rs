//! The servers that tests start: they work, they end, and nothing of them is left.
#![cfg(all(unix, feature = "servers"))]

#[cfg(test)]
mod servers {
    mod live;
    mod pgbouncer;
    mod postgres;
    mod proxy;
    mod quick_start;
    mod redis;
    mod tls;
    mod watchdog;
}
