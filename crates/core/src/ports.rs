//! What the rules need from outside, as small traits.

pub mod audit;
pub mod breached_passwords;
pub mod captcha;
pub mod hasher;
pub mod hooks;
pub mod mailer;
pub mod notifier;
pub mod profile;
pub mod store;
pub mod throttle;

pub use breached_passwords::{BreachedPasswords, BreachedPasswordsError};
pub use captcha::Captcha;
pub use hasher::{HashError, PasswordHasher, Verification};
pub use hooks::Hooks;
pub use mailer::{DeliveryError, Mailer};
pub use notifier::Notifier;
pub use profile::{AccountProfile, ProfileRules, ProfileViolation};
pub use store::{Store, StoreError};
pub use throttle::{Throttle, ThrottleKey};
pub use vestibule_token::clock;
pub use vestibule_token::clock::{Clock, Stopwatch, SystemClock, Timestamp};
