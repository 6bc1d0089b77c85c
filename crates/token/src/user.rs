//! What may be asked of a user, whatever an application's users are.

use std::{collections::HashSet, hash::BuildHasher, sync::Arc};

use crate::scope::Scopes;

/// A user with permissions, as they are now; the extractors for administrators and permissions ask it.
///
/// ```
/// use vestibule_token::user::HasPermissions;
///
/// struct User { is_editor: bool }
///
/// impl HasPermissions for User {
///     fn has_permission(&self, name: &str) -> bool {
///         name == "posts:edit" && self.is_editor
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say which permissions it has",
    label = "this user has no permissions to ask for",
    note = "implement `HasPermissions` for `{Self}`: `fn has_permission(&self, name: &str) -> bool`"
)]
pub trait HasPermissions {
    /// Whether the user has the permission of exactly this name.
    fn has_permission(&self, name: &str) -> bool;
}

/// A user with an e-mail address that may have been proven; the extractor for proven addresses asks it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say whether its e-mail address has been verified",
    label = "this user has no verified address to ask for",
    note = "implement `HasVerifiedEmail` for `{Self}`: `fn has_verified_email(&self) -> bool`"
)]
pub trait HasVerifiedEmail {
    /// Whether the user has shown that the address is theirs.
    fn has_verified_email(&self) -> bool;
}

impl<T: HasPermissions + ?Sized> HasPermissions for Arc<T> {
    fn has_permission(&self, name: &str) -> bool {
        T::has_permission(self, name)
    }
}

impl<T: HasVerifiedEmail + ?Sized> HasVerifiedEmail for Arc<T> {
    fn has_verified_email(&self) -> bool {
        T::has_verified_email(self)
    }
}

impl HasPermissions for Scopes {
    fn has_permission(&self, name: &str) -> bool {
        self.contains(name)
    }
}

impl<S: BuildHasher> HasPermissions for HashSet<String, S> {
    fn has_permission(&self, name: &str) -> bool {
        self.contains(name)
    }
}
