//! The throttle on real servers: the contract on every kind of them, and what happens when they go away.

#[cfg(test)]
mod redis {
    mod contract;
    mod encrypted;
    mod keys;
    mod loss;
    mod servers;
    mod signs;
}
