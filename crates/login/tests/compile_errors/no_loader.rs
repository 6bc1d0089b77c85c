//! A manager that nobody told how users are loaded.

use vestibule_login::LoginManager;

fn main() {
    let _ = LoginManager::from_secret("thirty-two bytes that nobody else knows").build();
}
