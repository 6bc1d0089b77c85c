//! Who may do what to which things: rules that allow and rules that deny, of which one that denies always wins.
//!
//! Stores nothing, asks nobody, decides by what it is given. What no rule allows is refused.
//!
//! Defends against
//! - rules that depend on their order: whatever allows and wherever it stands, one that denies is stronger;
//! - rules that seem to say something and do not: an unknown field, a star in the middle of a name, an unknown condition,
//!   a rule that allows nobody anything are errors when the policy is built, not silence when it is asked;
//! - questions that are wider than the rules: an action with a star in it is asked by nobody and refused.

mod denied;
mod question;
mod rule;

use std::{collections::HashMap, fmt};

use vestibule_token::{scope::covers, user::HasPermissions};

pub use self::{
    denied::Denied,
    question::{Question, Resource},
    rule::{BadPolicy, BadSubject, Effect, PolicyRules, Rule, Subject},
};

type Condition<U, R> = Box<dyn Fn(Question<'_, U, R>) -> bool + Send + Sync>;

/// Rules about what users `U` may do to things `R`.
///
/// ```
/// use vestibule_login::{HasPermissions, policy::{Policy, Resource, Rule, Subject}};
///
/// struct User { name: String, is_editor: bool }
///
/// impl HasPermissions for User {
///     fn has_permission(&self, name: &str) -> bool {
///         name == "editor" && self.is_editor
///     }
/// }
///
/// struct Post { slug: String, author: String, is_pinned: bool }
///
/// impl Resource<User> for Post {
///     fn name(&self) -> String { format!("posts:{}", self.slug) }
///     fn is_owned_by(&self, user: &User) -> bool { self.author == user.name }
/// }
///
/// let policy = Policy::<User, Post>::builder()
///     .rule(Rule::allow("everybody reads").actions(["posts:read"]).to([Subject::Anyone]))
///     .rule(Rule::allow("editors").actions(["posts:*"]).to([Subject::permission("editor")]))
///     .rule(Rule::allow("authors").actions(["posts:edit", "posts:delete"]).to([Subject::Owner]))
///     .rule(Rule::deny("pinned posts stay").actions(["posts:delete"]).when(["pinned"]))
///     .condition("pinned", |question| question.resource.is_pinned)
///     .build()?;
///
/// let ada = User { name: "ada".into(), is_editor: false };
/// let mut post = Post { slug: "hello".into(), author: "ada".into(), is_pinned: false };
/// assert!(policy.decide(&ada, "posts:delete", &post).allowed);
/// post.is_pinned = true;
/// let decision = policy.decide(&ada, "posts:delete", &post);
/// assert_eq!(decision.to_string(), "denied by `pinned posts stay`");
/// assert!(policy.decide(None, "posts:read", &post).allowed);
/// assert_eq!(policy.decide(&ada, "posts:pin", &post).to_string(), "denied: no rule allows it");
/// # Ok::<_, vestibule_login::policy::BadPolicy>(())
/// ```
///
/// The rules may come from a file, in any format that serde knows; then an unknown field, a misspelt subject and a
/// condition that does not exist are errors:
///
/// ```
/// use vestibule_login::policy::{Policy, PolicyRules};
///
/// let file = r#"{"rules": [
///     {"name": "editors", "effect": "allow", "actions": ["posts:*"], "to": ["permission:editor", "owner"]},
///     {"name": "archive", "effect": "deny", "actions": ["*"], "resources": ["posts:archive:*"]}
/// ]}"#;
/// let rules: PolicyRules = serde_json::from_str(file)?;
/// let policy = Policy::<vestibule_login::Scopes, String>::builder().rules(rules).build()?;
/// let editor = vestibule_login::Scopes::read("editor");
/// assert!(policy.decide(&editor, "posts:edit", &"posts:new".to_owned()).allowed);
/// assert!(!policy.decide(&editor, "posts:edit", &"posts:archive:2001".to_owned()).allowed);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub struct Policy<U, R = ()> {
    rules: Vec<Rule>,
    conditions: HashMap<String, Condition<U, R>>,
}

/// Collects rules and conditions; finish with [`build`](PolicyBuilder::build).
#[must_use = "finish with `build`"]
pub struct PolicyBuilder<U, R>(Policy<U, R>);

/// What is decided, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Decision {
    /// Whether it may be done.
    pub allowed: bool,
    /// The name of the rule that decided; `None` where no rule allows it.
    pub because: Option<String>,
}

impl<U, R> Policy<U, R> {
    /// Begins with no rules, which allow nothing.
    pub fn builder() -> PolicyBuilder<U, R> {
        PolicyBuilder(Self { rules: Vec::new(), conditions: HashMap::new() })
    }
}

impl<U, R> PolicyBuilder<U, R> {
    /// Adds a rule. The order of rules decides nothing.
    pub fn rule(mut self, rule: Rule) -> Self {
        self.0.rules.push(rule);
        self
    }

    /// Adds the rules of a file.
    pub fn rules(mut self, rules: PolicyRules) -> Self {
        self.0.rules.extend(rules.rules);
        self
    }

    /// Names a condition for rules to speak of; of two with one name the last counts.
    pub fn condition(
        mut self,
        name: impl Into<String>,
        holds: impl Fn(Question<'_, U, R>) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.0.conditions.insert(name.into(), Box::new(holds));
        self
    }

    /// Makes the policy.
    ///
    /// # Errors
    /// [`BadPolicy`]: a sentence about the rule that cannot mean what it says.
    pub fn build(self) -> Result<Policy<U, R>, BadPolicy> {
        let Self(policy) = self;
        let mut names = std::collections::HashSet::new();
        for rule in &policy.rules {
            rule.check()?;
            if !names.insert(rule.name.as_str()) {
                return Err(BadPolicy::NamedTwice(rule.name.clone()));
            }
            if let Some(unknown) = rule.when.iter().find(|name| !policy.conditions.contains_key(*name)) {
                return Err(BadPolicy::Condition { rule: rule.name.clone(), condition: unknown.clone() });
            }
        }
        Ok(policy)
    }
}

impl<U: HasPermissions, R: Resource<U>> Policy<U, R> {
    /// Whether somebody may do something to a thing; `None` is somebody who is not logged in.
    pub fn decide<'a>(&self, user: impl Into<Option<&'a U>>, action: &str, resource: &R) -> Decision
    where
        U: 'a,
    {
        let question = Question { user: user.into(), action, resource };
        // Whoever asks for everything at once would be told of the rules that allow and not of those that deny a part.
        if action.contains('*') {
            return Decision { allowed: false, because: None };
        }
        let named = resource.name();
        let matching = |effect: Effect| {
            let mut rules = self.rules.iter().filter(|rule| rule.effect == effect);
            rules.find(|rule| self.matches(rule, question, &named)).map(|rule| rule.name.clone())
        };
        if let Some(denies) = matching(Effect::Deny) {
            return Decision { allowed: false, because: Some(denies) };
        }
        let allows = matching(Effect::Allow);
        Decision { allowed: allows.is_some(), because: allows }
    }

    /// As [`decide`](Self::decide), for handlers: what is refused is an answer of 403 `forbidden`, or of 401 for somebody
    /// who is not logged in.
    ///
    /// ```
    /// use vestibule_login::{HasPermissions, LoggedIn, policy::{Denied, Policy}};
    /// # #[derive(Clone)] struct User;
    /// # impl HasPermissions for User { fn has_permission(&self, _: &str) -> bool { false } }
    ///
    /// async fn publish(
    ///     axum::Extension(policy): axum::Extension<std::sync::Arc<Policy<User>>>,
    ///     LoggedIn(user): LoggedIn<User>,
    /// ) -> Result<&'static str, Denied> {
    ///     policy.check(&user, "posts:publish", &())?;
    ///     Ok("published")
    /// }
    /// # fn app(login: vestibule_login::LoginManager<User>) -> axum::Router {
    /// #     axum::Router::new().route("/", axum::routing::post(publish)).with_state(login)
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`Denied`], which says to the log which rule decided and to the client nothing.
    pub fn check<'a>(
        &self,
        user: impl Into<Option<&'a U>>,
        action: &str,
        resource: &R,
    ) -> Result<Decision, Denied>
    where
        U: 'a,
    {
        let user = user.into();
        let decision = self.decide(user, action, resource);
        if decision.allowed { Ok(decision) } else { Err(Denied::of(decision, user.is_some())) }
    }

    fn matches(&self, rule: &Rule, question: Question<'_, U, R>, named: &str) -> bool {
        let covered = |patterns: &[String], name: &str| patterns.iter().any(|pattern| covers(pattern, name));
        let is_meant = rule.is_for_everybody() || rule.to.iter().any(|subject| is_meant(subject, question));
        covered(&rule.actions, question.action)
            && (rule.resources.is_empty() || covered(&rule.resources, named))
            && is_meant
            // An unknown condition is an error of the builder; here it would hold for rules that deny.
            && rule.when.iter().all(|name| match self.conditions.get(name) {
                Some(holds) => holds(question),
                None => rule.effect == Effect::Deny,
            })
    }
}

fn is_meant<U: HasPermissions, R: Resource<U>>(subject: &Subject, question: Question<'_, U, R>) -> bool {
    match (subject, question.user) {
        (Subject::Anyone, _) | (Subject::AnyUser, Some(_)) => true,
        (Subject::Owner, Some(user)) => question.resource.is_owned_by(user),
        (Subject::Permission(name), Some(user)) => user.has_permission(name),
        (_, None) => false,
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.because, self.allowed) {
            (Some(rule), true) => write!(f, "allowed by `{rule}`"),
            (Some(rule), false) => write!(f, "denied by `{rule}`"),
            (None, _) => f.write_str("denied: no rule allows it"),
        }
    }
}

impl<U, R> fmt::Debug for Policy<U, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policy").field("rules", &self.rules).finish_non_exhaustive()
    }
}

impl<U, R> fmt::Debug for PolicyBuilder<U, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PolicyBuilder").field(&self.0).finish()
    }
}
