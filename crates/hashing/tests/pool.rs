//! The pool as the rules use it, with real hashes.

use std::{num::NonZeroUsize, sync::Arc};

use vestibule_core::{
    ports::hasher::{PasswordHasher, Verification},
    values::{
        client::ClientNetwork,
        password::{Password, PasswordHash},
    },
};
use vestibule_hashing::{ConfigError, HashingConfig, HashingPool, StartError};

fn network(number: u8) -> ClientNetwork {
    ClientNetwork::of([192, 0, 2, number].into())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_people_at_once_each_get_their_own_answer() {
    let pool = Arc::new(HashingPool::start(HashingConfig::cheap_for_tests()).unwrap());
    let people: Vec<_> = (0..64_u8)
        .map(|number| {
            let pool = Arc::clone(&pool);
            tokio::spawn(async move {
                let password = Password::new(&format!("password {number}"));
                let other = Password::new(&format!("password {}", number + 1));
                let hash = pool.hash(password.clone(), network(number)).await.unwrap();
                let right = pool.verify(Some(hash.clone()), password, network(number)).await.unwrap();
                let wrong = pool.verify(Some(hash), other.clone(), network(number)).await.unwrap();
                let nobody = pool.verify(None, other, network(number)).await.unwrap();
                (right, wrong, nobody)
            })
        })
        .collect();
    for person in people {
        let right = Verification::Right { is_outdated: false };
        assert_eq!(person.await.unwrap(), (right, Verification::Wrong, Verification::Wrong));
    }
    assert_eq!(pool.waiting(), 0);
}

#[tokio::test]
async fn a_hash_is_outdated_when_the_parameters_change_in_either_direction() {
    let weak = HashingConfig::cheap_for_tests();
    let strong = HashingConfig { memory_kib: 64, iterations: 2, parallelism: 2, ..weak.clone() };
    let password = Password::new("correct horse");
    for (before, after) in [(&weak, &strong), (&strong, &weak)] {
        let before = HashingPool::start(before.clone()).unwrap();
        let after = HashingPool::start(after.clone()).unwrap();
        let hash = before.hash(password.clone(), network(1)).await.unwrap();
        let verified = after.verify(Some(hash.clone()), password.clone(), network(1)).await;
        assert_eq!(verified, Ok(Verification::Right { is_outdated: true }));
        let verified = after.verify(Some(hash), Password::new("wrong"), network(1)).await;
        assert_eq!(verified, Ok(Verification::Wrong));
    }
}

#[tokio::test]
async fn t37_a_broken_hash_lets_nobody_in_and_does_not_stop_the_pool() {
    let config = HashingConfig { threads: NonZeroUsize::new(1), ..HashingConfig::cheap_for_tests() };
    let pool = HashingPool::start(config).unwrap();
    for text in [
        "",
        "pässwörd",
        "$argon2id$v=19$m=8,t=1,p=1$\u{1f980}$\u{1f980}",
        "$argon2id$v=19$m=4294967295,t=4294967295,p=4294967295$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEg",
    ] {
        let stored = Some(PasswordHash::new(text.into()));
        let verified = pool.verify(stored, Password::new("password"), network(1)).await;
        assert_eq!(verified, Ok(Verification::Wrong), "{text}");
    }
}

#[test]
fn t30_senseless_settings_do_not_start() {
    let config = HashingConfig { iterations: 0, ..HashingConfig::cheap_for_tests() };
    let refusal = HashingPool::start(config).unwrap_err();
    assert!(matches!(refusal, StartError::Config(ConfigError::OutOfBounds { name: "iterations", .. })));
    assert_eq!(refusal.to_string(), "iterations = 0 is out of bounds; it may be from 1 to 16");
}

#[test]
fn a_pool_tells_what_it_runs_with() {
    let config = HashingConfig::cheap_for_tests();
    let pool = HashingPool::start(config.clone()).unwrap();
    assert_eq!((pool.threads().get(), pool.config()), (2, &config));
}
