//! How extractors find the manager: in the application's state.

use axum::extract::FromRef;

use super::LoginManager;

/// A state that has a manager for users of type `U`; every state has that a `LoginManager<U>` can be taken from by
/// [`FromRef`].
#[diagnostic::on_unimplemented(
    message = "the application's state `{Self}` has no `LoginManager<{U}>`",
    label = "this extractor needs a `LoginManager<{U}>` in the state",
    note = "put a `LoginManager<{U}>` into `{Self}` and derive `axum::extract::FromRef` for it, or make the manager \
            itself the state: `Router::with_state(login)`"
)]
pub trait HasLogin<U> {
    /// The manager.
    fn login_manager(&self) -> LoginManager<U>;
}

#[diagnostic::do_not_recommend]
impl<S, U> HasLogin<U> for S
where
    LoginManager<U>: FromRef<S>,
{
    fn login_manager(&self) -> LoginManager<U> {
        LoginManager::from_ref(self)
    }
}
