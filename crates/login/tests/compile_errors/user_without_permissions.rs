//! Users that cannot be asked for permissions.

use vestibule_login::{AdminUser, EmailVerified, LoginManager};

#[derive(Clone)]
struct User;

#[axum::debug_handler(state = LoginManager<User>)]
async fn administrate(_: AdminUser<User>) {}

#[axum::debug_handler(state = LoginManager<User>)]
async fn write(_: EmailVerified<User>) {}

fn main() {}
