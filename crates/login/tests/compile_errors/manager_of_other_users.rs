//! A manager, but for users of another type.

use vestibule_login::{LoggedIn, LoginManager};

#[derive(Clone)]
struct Customer;

#[derive(Clone)]
struct Employee;

#[axum::debug_handler(state = LoginManager<Customer>)]
async fn office(_: LoggedIn<Employee>) {}

fn main() {}
