//! Argon2id on threads of its own: the resource that decides how many people can log in at once.
//!
//! A password hash is slow and large on purpose. Left to a general thread pool, a few hundred logins at once take the
//! machine's memory and then its processor. [`HashingPool`] bounds both:
//!
//! - **Memory**: each of its threads (one per core by default) keeps one arena, mapped at its first hash and then reused.
//!   A stored hash with larger parameters gets an arena of its own, one at a time and 256 MiB at most. So does another
//!   system's; a smaller one takes the arena's place.
//! - **Wait**: the queue is bounded by its length and by the wait it implies. Beyond that the answer is
//!   [`Overloaded`](vestibule_core::ports::HashError::Overloaded) at once. Networks take turns, and in a full queue the
//!   longest makes room, so a flood from one address costs that address its place. Whoever goes away leaves the queue.
//! - **Everything else stays quick**: the threads run at a lower priority.
//!
//! Hashes that other systems made (bcrypt, scrypt, PBKDF2, in several notations) are verified, too, within bounds that
//! are checked before any work, and are always outdated, so that a login replaces them.
//!
//! Verifying nothing, or a hash that cannot be read, does the same work as verifying a wrong password. Before the first
//! hash, known answers are checked: the Argon2 library picks its instructions at run time, and a wrong one would lock
//! everybody out later. Hashes are standard PHC strings, so the library can be exchanged in one file, `engine.rs`.
//!
//! ```
//! use vestibule_core::{
//!     ports::{PasswordHasher, Verification},
//!     values::{client::ClientNetwork, password::Password},
//! };
//! use vestibule_hashing::{HashingConfig, HashingPool};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // 19 MiB, two passes, one thread per core; a wait of two seconds at most.
//! let pool = HashingPool::start(HashingConfig::default())?;
//!
//! let password = Password::new("correct horse battery staple");
//! let hash = pool.hash(password.clone(), ClientNetwork::LOCAL).await?;
//! assert!(hash.expose().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
//!
//! let verification = pool.verify(Some(hash), password.clone(), ClientNetwork::LOCAL).await?;
//! assert_eq!(verification, Verification::Right { is_outdated: false });
//!
//! // No such account: the same work, and a no.
//! let verification = pool.verify(None, password, ClientNetwork::LOCAL).await?;
//! assert_eq!(verification, Verification::Wrong);
//! # Ok(())
//! # }
//! ```
//!
//! Metrics: `vestibule_hash_queue_depth`, `vestibule_hash_queue_wait_seconds`, `vestibule_hash_duration_seconds`,
//! `vestibule_hash_rejected_total`.
#![forbid(unsafe_code)]

mod config;
mod desk;
mod engine;
mod foreign;
mod job;
mod known_answers;
mod load;
mod notices;
mod phc;
mod pool;
mod priority;
mod queue;
mod workbench;

pub use config::{ConfigError, HashingConfig};
pub use known_answers::WrongAnswer;
pub use pool::{HashingPool, StartError};
