//! A state without a manager.

use vestibule_login::LoggedIn;

#[derive(Clone)]
struct User;

#[derive(Clone)]
struct App;

#[axum::debug_handler(state = App)]
async fn hello(_: LoggedIn<User>) {}

fn main() {}
