//! A type that names no scopes.

use vestibule_login::{LoginManager, Scoped};

#[derive(Clone)]
struct User;

struct ReadUsers;

#[axum::debug_handler(state = LoginManager<User>)]
async fn list(_: Scoped<User, ReadUsers>) {}

fn main() {}
