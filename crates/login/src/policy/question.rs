//! What a policy is asked: who wants to do what, and to which thing.

/// A thing that something is done to.
///
/// ```
/// use vestibule_login::policy::Resource;
///
/// struct Post { slug: String, author: String }
///
/// impl Resource<String> for Post {
///     fn name(&self) -> String {
///         format!("posts:{}", self.slug)
///     }
///
///     fn is_owned_by(&self, user: &String) -> bool {
///         self.author == *user
///     }
/// }
/// ```
pub trait Resource<U> {
    /// What it is called in the rules, for example `posts:hello`.
    fn name(&self) -> String;

    /// Whether it is this user's; nobody's unless somebody says otherwise.
    fn is_owned_by(&self, user: &U) -> bool {
        let _ = user;
        false
    }
}

/// Nothing in particular, for actions that need no thing.
impl<U> Resource<U> for () {
    fn name(&self) -> String {
        String::new()
    }
}

/// A thing of which only the name matters.
impl<U> Resource<U> for String {
    fn name(&self) -> String {
        self.clone()
    }
}

/// What a condition is asked about.
#[derive(Debug)]
#[non_exhaustive]
pub struct Question<'a, U, R> {
    /// Who wants it; `None` for somebody who is not logged in.
    pub user: Option<&'a U>,
    /// What they want to do.
    pub action: &'a str,
    /// What they want to do it to.
    pub resource: &'a R,
}

impl<U, R> Clone for Question<'_, U, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<U, R> Copy for Question<'_, U, R> {}
