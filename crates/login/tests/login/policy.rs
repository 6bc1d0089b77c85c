//! Who may do what: rules that allow, and rules that deny and win.

use std::sync::Arc;

use axum::{Extension, Router, body::Body, routing};
use http::Request;
use proptest::prelude::*;
use vestibule_login::{
    Login, Rejection, Scopes,
    policy::{Denied, Effect, Policy, PolicyBuilder, PolicyRules, Resource, Rule, Subject},
};

use super::app::{User, manager, send, with_token};

#[derive(Clone, Debug)]
struct Post {
    slug: &'static str,
    author: &'static str,
    is_pinned: bool,
}

impl Resource<User> for Post {
    fn name(&self) -> String {
        format!("posts:{}", self.slug)
    }

    fn is_owned_by(&self, user: &User) -> bool {
        self.author == user.name
    }
}

fn post() -> Post {
    Post { slug: "hello", author: "ada", is_pinned: false }
}

fn user(name: &str) -> User {
    User { name: name.into() }
}

/// In the test's application ada is `admin`, and eve may `posts:edit`.
fn blog() -> PolicyBuilder<User, Post> {
    Policy::<User, Post>::builder()
        .rule(Rule::allow("readers").actions(["posts:read"]).to([Subject::Anyone]))
        .rule(Rule::allow("members").actions(["posts:comment"]).to([Subject::AnyUser]))
        .rule(Rule::allow("editors").actions(["posts:edit:*"]).to([Subject::permission("posts:edit")]))
        .rule(Rule::allow("authors").actions(["posts:*"]).to([Subject::Owner]))
        .rule(Rule::deny("pinned").actions(["posts:delete"]).when(["pinned"]))
        .rule(Rule::deny("archive").actions(["posts:edit:*", "posts:delete"]).resources(["posts:archive:*"]))
        .rule(
            Rule::deny("administrators do not write")
                .actions(["posts:write"])
                .to([Subject::permission("admin")]),
        )
        .condition("pinned", |question| question.resource.is_pinned)
}

#[test]
fn a_table_of_decisions() {
    let policy = blog().build().unwrap();
    let pinned = Post { is_pinned: true, ..post() };
    let archived = Post { slug: "archive:2001", ..post() };
    for (who, action, what, expected) in [
        (None, "posts:read", post(), "allowed by `readers`"),
        (Some("bob"), "posts:read", post(), "allowed by `readers`"),
        (None, "posts:comment", post(), "denied: no rule allows it"),
        (Some("bob"), "posts:comment", post(), "allowed by `members`"),
        (None, "posts:delete", post(), "denied: no rule allows it"),
        (Some("bob"), "posts:delete", post(), "denied: no rule allows it"),
        (Some("eve"), "posts:delete", post(), "denied: no rule allows it"),
        (Some("eve"), "posts:edit:title", post(), "allowed by `editors`"),
        (Some("eve"), "posts:edit", post(), "denied: no rule allows it"),
        (Some("bob"), "posts:edit:title", post(), "denied: no rule allows it"),
        (Some("ada"), "posts:delete", post(), "allowed by `authors`"),
        (Some("ada"), "posts:delete", pinned.clone(), "denied by `pinned`"),
        (Some("ada"), "posts:edit:title", pinned, "allowed by `authors`"),
        (Some("ada"), "posts:delete", archived.clone(), "denied by `archive`"),
        (Some("eve"), "posts:edit:title", archived.clone(), "denied by `archive`"),
        (Some("eve"), "posts:read", archived, "allowed by `readers`"),
        (Some("ada"), "posts:write", post(), "denied by `administrators do not write`"),
        (Some("bob"), "posts:write", Post { author: "bob", ..post() }, "allowed by `authors`"),
        // Nobody asks for everything at once, and names are exact.
        (Some("ada"), "posts:*", post(), "denied: no rule allows it"),
        (Some("ada"), "*", post(), "denied: no rule allows it"),
        (Some("ada"), "posts:del*", post(), "denied: no rule allows it"),
        (Some("ada"), "Posts:delete", post(), "denied: no rule allows it"),
        (Some("ada"), "posts", post(), "denied: no rule allows it"),
        (Some("ada"), "posts2:read", post(), "denied: no rule allows it"),
        (Some("ada"), "", post(), "denied: no rule allows it"),
    ] {
        let user = who.map(user);
        let decision = policy.decide(user.as_ref(), action, &what);
        assert_eq!(decision.to_string(), expected, "{who:?} {action} {what:?}");
        assert_eq!(decision.allowed, expected.starts_with("allowed"), "{expected}");
        assert_eq!(policy.check(user.as_ref(), action, &what).is_ok(), decision.allowed);
    }
    let empty = Policy::<User, Post>::builder().build().unwrap();
    assert!(!empty.decide(&user("ada"), "posts:read", &post()).allowed);
}

#[test]
fn rules_that_cannot_mean_what_they_say_are_no_policy() {
    let allow = || Rule::allow("a").to([Subject::Anyone]);
    let star = "a star stands alone or after the last colon";
    for (rules, sentence) in [
        (vec![allow()], "rule `a` names no action"),
        (vec![Rule::allow("a").actions(["x"])], "rule `a` allows nobody anything"),
        (vec![Rule::deny("").actions(["x"])], "a rule has no name"),
        (vec![allow().actions(["x"]), Rule::deny("a").actions(["x"])], "two rules are named `a`"),
        (vec![allow().actions(["posts*"])], star),
        (vec![allow().actions(["*:read"])], star),
        (vec![allow().actions(["posts:*:read"])], star),
        (vec![allow().actions(["posts:**"])], star),
        (vec![allow().actions([""])], star),
        (vec![Rule::deny("a").actions(["x"]).resources(["po*"])], star),
        (
            vec![Rule::deny("a").actions(["x"]).when(["full moon"])],
            "the condition `full moon`, which does not exist",
        ),
    ] {
        let policy = rules.into_iter().fold(Policy::<User, Post>::builder(), PolicyBuilder::rule);
        let error = policy.build().unwrap_err().to_string();
        assert!(error.contains(sentence), "{sentence}: {error}");
    }
}

const FILE: &str = r#"
[[rules]]
name = "authors"
effect = "allow"
actions = ["posts:*"]
to = ["owner", "permission:posts:edit"]

[[rules]]
name = "pinned"
effect = "deny"
actions = ["posts:delete"]
resources = ["posts:*"]
when = ["pinned"]
"#;

#[test]
fn rules_come_from_files_and_unknown_things_in_them_are_refused() {
    let rules: PolicyRules = toml::from_str(FILE).unwrap();
    let json = serde_json::to_string(&rules).unwrap();
    assert_eq!(serde_json::from_str::<PolicyRules>(&json).unwrap(), rules);
    assert_eq!(toml::from_str::<PolicyRules>(&toml::to_string(&rules).unwrap()).unwrap(), rules);
    let policy = || Policy::<User, Post>::builder().rules(rules.clone());
    assert!(policy().build().unwrap_err().to_string().contains("`pinned`"));
    let policy = policy().condition("pinned", |question| question.resource.is_pinned).build().unwrap();
    assert!(policy.decide(&user("eve"), "posts:delete", &post()).allowed);
    assert!(!policy.decide(&user("eve"), "posts:delete", &Post { is_pinned: true, ..post() }).allowed);
    for (good, bad) in [
        ("effect = \"deny\"", "effect = \"forbid\""),
        ("effect = \"deny\"", ""),
        ("effect = \"deny\"", "effect = \"deny\"\npriority = 1"),
        ("resources =", "resource ="),
        ("[[rules]]", "version = 1\n[[rules]]"),
        ("to = [\"owner\"", "to = [\"owners\""),
        ("permission:posts:edit", "permission:"),
        ("actions = [\"posts:*\"]", "actions = \"posts:*\""),
        ("name = \"pinned\"", "name = \"pinned\"\nname = \"again\""),
    ] {
        let text = FILE.replacen(good, bad, 1);
        assert_ne!(text, FILE, "{good}");
        assert!(toml::from_str::<PolicyRules>(&text).is_err(), "{bad}");
    }
}

async fn edit(
    Extension(policy): Extension<Arc<Policy<User, Post>>>,
    login: Login<User>,
) -> Result<String, Rejection> {
    login.require_allowed(&policy, "posts:delete", &post())?;
    Ok(login.user.name)
}

async fn lenient(
    Extension(policy): Extension<Arc<Policy<User, Post>>>,
    login: Option<Login<User>>,
) -> Result<&'static str, Denied> {
    policy.check(login.as_ref().map(|login| &login.user), "posts:comment", &post())?;
    Ok("commented")
}

#[tokio::test]
async fn a_handler_answers_what_the_policy_says() {
    let login = manager();
    let app = Router::new()
        .route("/edit", routing::any(edit))
        .route("/comment", routing::any(lenient))
        .layer(Extension(Arc::new(blog().build().unwrap())))
        .with_state(login.clone());
    let token = |name: &str| login.create_access_token(name).unwrap().expose().to_owned();
    assert_eq!(send(&app, with_token("/edit", &token("ada"))).await.body, "ada");
    let refused = send(&app, with_token("/edit", &token("bob"))).await;
    assert_eq!((refused.status, refused.code()), (403, "forbidden".into()));
    assert!(!refused.body.contains("posts") && !refused.body.contains("rule"), "{}", refused.body);
    assert_eq!(send(&app, with_token("/comment", &token("bob"))).await.body, "commented");
    let stranger = send(&app, Request::get("/comment").body(Body::empty()).unwrap()).await;
    assert_eq!((stranger.status, stranger.code()), (401, "not_authenticated".into()));
    assert_eq!(stranger.header("www-authenticate"), "Bearer");
}

fn rules() -> impl Strategy<Value = Vec<Rule>> {
    let names = prop::sample::subsequence(vec!["a:x", "a:y", "a:*", "b:x", "b:*", "a:x:1", "*"], 1..4);
    let subject = prop::sample::select(vec![
        Subject::Anyone,
        Subject::AnyUser,
        Subject::Owner,
        Subject::permission("p"),
        Subject::permission("q"),
    ]);
    // Names that differ, for all practical purposes.
    let rule = (any::<u64>(), any::<bool>(), names, prop::collection::vec(subject, 1..3), any::<bool>());
    let rule = rule.prop_map(|(name, allows, actions, to, is_conditional)| {
        let rule = if allows { Rule::allow(name.to_string()) } else { Rule::deny(name.to_string()) };
        let rule = rule.actions(actions).to(to);
        if is_conditional { rule.when(["even"]) } else { rule }
    });
    prop::collection::vec(rule, 0..8)
}

fn policy_of(rules: impl IntoIterator<Item = Rule>) -> Policy<Scopes, String> {
    let policy = rules.into_iter().fold(Policy::<Scopes, String>::builder(), PolicyBuilder::rule);
    policy.condition("even", |question| question.resource.len() % 2 == 0).build().unwrap()
}

/// The effect and the name of a rule, as its own policy of one shows it.
fn matching(rule: &Rule, user: Option<&Scopes>, action: &str, resource: &String) -> Option<Effect> {
    // Beside a rule that allows everything, a rule that denies shows whether it matches.
    let open = || Rule::allow("open").actions(["*"]).to([Subject::Anyone]);
    if policy_of([rule.clone()]).decide(user, action, resource).allowed {
        return Some(Effect::Allow);
    }
    let is_denied = !policy_of([open(), rule.clone()]).decide(user, action, resource).allowed;
    is_denied.then_some(Effect::Deny)
}

proptest! {
    #[test]
    fn deny_wins_whatever_the_order_and_what_no_rule_allows_is_refused(
        (rules, shuffled) in rules().prop_flat_map(|rules| (Just(rules.clone()), Just(rules).prop_shuffle())),
        permissions in prop::option::of(prop::sample::select(vec!["", "p", "q", "p q"])),
        action in prop::sample::select(vec!["a:x", "a:y", "a:x:1", "b:x", "c", "a:"]),
        resource in "[a-z]{0,3}",
    ) {
        let user = permissions.map(Scopes::read);
        let effects: Vec<_> =
            rules.iter().filter_map(|rule| matching(rule, user.as_ref(), action, &resource)).collect();
        let expected = effects.contains(&Effect::Allow) && !effects.contains(&Effect::Deny);
        let decide = |rules: &[Rule]| policy_of(rules.to_vec()).decide(user.as_ref(), action, &resource);
        prop_assert_eq!(decide(&rules).allowed, expected);
        prop_assert_eq!(decide(&shuffled).allowed, expected);
        prop_assert_eq!(decide(&rules).because.is_none(), effects.is_empty());
        // One rule more that denies never opens anything, wherever it stands.
        let mut closed = shuffled;
        closed.insert(closed.len() / 2, Rule::deny("everything").actions(["*"]));
        prop_assert!(!decide(&closed).allowed);
    }
}
