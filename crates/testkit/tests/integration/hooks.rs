//! The application's callbacks: what they are told, what they may veto, and what becomes of those that fail.

use std::{
    fmt,
    future::pending,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use async_trait::async_trait;
use serde_json::json;
use vestibule::{
    core::{logout::LogoutScope, values::account::Account},
    hooks::{
        Caller, Changed, Concerning, Deletion, EmailChange, HookFailure, Hooks, LogIn, LogOut,
        PasswordSetting, Registering, UsernameChange, Verdict,
    },
};
use vestibule_testkit::{Answer, Client, PASSWORD, TestApp};

use super::{
    account_changes::{admin_of, id_of},
    confirmation::{only_letter, token_of},
    database,
};

/// What a hook does when it is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manner {
    Agree,
    Veto,
    Fail,
    Panic,
    Hang,
    /// Keeps its thread, as a call of a blocking library does.
    Block,
}

/// An application that writes down what it is told, and behaves as it is told for one hook.
#[derive(Debug)]
struct Application {
    told: Mutex<Vec<String>>,
    misbehaves: Mutex<(String, Manner)>,
    is_released: AtomicBool,
}

impl Application {
    fn new() -> Arc<Self> {
        let misbehaves = Mutex::new((String::new(), Manner::Agree));
        Arc::new(Self { told: Mutex::default(), misbehaves, is_released: AtomicBool::new(false) })
    }

    fn at(&self, hook: &str, manner: Manner) {
        *self.misbehaves.lock().unwrap() = (hook.to_owned(), manner);
    }

    fn told(&self) -> Vec<String> {
        std::mem::take(&mut *self.told.lock().unwrap())
    }

    async fn ask(&self, hook: &str, about: impl fmt::Display) -> Result<Verdict, HookFailure> {
        self.told.lock().unwrap().push(format!("{hook} {about}"));
        let (misbehaving, manner) = self.misbehaves.lock().unwrap().clone();
        if misbehaving != hook {
            return Ok(Verdict::Proceed);
        }
        match manner {
            Manner::Agree => Ok(Verdict::Proceed),
            Manner::Veto => Ok(Verdict::veto("Not on\r\nSundays")),
            Manner::Fail => Err("the directory db7 is away".into()),
            Manner::Panic => panic!("a hook panics on purpose"),
            Manner::Hang => pending().await,
            Manner::Block => {
                while !self.is_released.load(Ordering::SeqCst) {
                    thread::sleep(Duration::from_millis(5));
                }
                Ok(Verdict::Proceed)
            }
        }
    }

    async fn tell(&self, hook: &str, about: impl fmt::Display) -> Result<(), HookFailure> {
        self.ask(hook, about).await.map(drop)
    }
}

fn name(account: &Account) -> &str {
    account.username.as_deref().unwrap_or("nobody")
}

fn by(caller: &Caller) -> &'static str {
    assert!(caller.address.parse::<std::net::IpAddr>().is_ok(), "{caller:?}");
    if caller.actor_id.is_some() { "by an administrator" } else { "by themselves" }
}

#[async_trait]
impl Hooks for Application {
    async fn before_register(&self, event: &Registering) -> Result<Verdict, HookFailure> {
        let name = event.username.as_deref().unwrap_or("nobody");
        self.ask("before_register", format!("{} {name}", event.email)).await
    }

    async fn after_register(&self, event: &Concerning) -> Result<(), HookFailure> {
        self.tell("after_register", name(&event.account)).await
    }

    async fn before_login(&self, event: &Concerning) -> Result<Verdict, HookFailure> {
        self.ask("before_login", name(&event.account)).await
    }

    async fn after_login(&self, event: &LogIn) -> Result<(), HookFailure> {
        self.tell("after_login", name(&event.account)).await
    }

    async fn before_logout(&self, event: &LogOut) -> Result<(), HookFailure> {
        let all = if event.scope == LogoutScope::All { "all" } else { "this" };
        self.tell("before_logout", all).await
    }

    async fn after_logout(&self, event: &LogOut) -> Result<(), HookFailure> {
        let all = if event.scope == LogoutScope::All { "all" } else { "this" };
        self.tell("after_logout", all).await
    }

    async fn before_username_change(&self, event: &UsernameChange) -> Result<Verdict, HookFailure> {
        let (from, to) = (name(&event.account), event.username.as_deref().unwrap_or("nobody"));
        self.ask("before_username_change", format!("{from} {to} {}", by(&event.caller))).await
    }

    async fn after_username_change(&self, event: &Changed) -> Result<(), HookFailure> {
        let (from, to) = (name(&event.before), name(&event.after));
        self.tell("after_username_change", format!("{from} {to} {}", by(&event.caller))).await
    }

    async fn before_email_change(&self, event: &EmailChange) -> Result<Verdict, HookFailure> {
        let (from, to) = (&event.account.email, &event.email);
        self.ask("before_email_change", format!("{from} {to} {}", by(&event.caller))).await
    }

    async fn after_email_change(&self, event: &Changed) -> Result<(), HookFailure> {
        let (from, to) = (&event.before.email, &event.after.email);
        self.tell("after_email_change", format!("{from} {to} {}", by(&event.caller))).await
    }

    async fn after_email_confirmed(&self, event: &Concerning) -> Result<(), HookFailure> {
        assert!(event.account.confirmed);
        self.tell("after_email_confirmed", &event.account.email).await
    }

    async fn before_password_change(&self, event: &PasswordSetting) -> Result<Verdict, HookFailure> {
        self.ask("before_password_change", format!("{:?}", event.reason)).await
    }

    async fn after_password_change(&self, event: &PasswordSetting) -> Result<(), HookFailure> {
        self.tell("after_password_change", format!("{:?}", event.reason)).await
    }

    async fn before_account_deletion(&self, event: &Concerning) -> Result<Verdict, HookFailure> {
        self.ask("before_account_deletion", format!("{} {}", name(&event.account), by(&event.caller))).await
    }

    async fn after_deletion_requested(&self, event: &Concerning) -> Result<(), HookFailure> {
        self.tell("after_deletion_requested", name(&event.account)).await
    }

    async fn after_account_deletion(&self, event: &Deletion) -> Result<(), HookFailure> {
        let account = event.account.as_ref().map_or("somebody", name);
        self.tell("after_account_deletion", account).await
    }

    async fn after_administration(&self, event: &Changed) -> Result<(), HookFailure> {
        let (from, to) = (event.before.active, event.after.active);
        self.tell("after_administration", format!("{} active {from} {to}", name(&event.after))).await
    }
}

async fn start() -> (TestApp, Arc<Application>) {
    let application = Application::new();
    let app = TestApp::builder().hooks(application.clone()).start().await;
    (app, application)
}

async fn rename(client: &Client, id: &str, to: &str) -> Answer {
    client.post(&format!("/api/users/{id}/change_username")).json(&json!({"username": to})).await
}

async fn change_password(client: &Client, from: &str, to: &str) -> Answer {
    let body = json!({"old_password": from, "password1": to, "password2": to});
    client.put("/api/users/password").json(&body).await
}

#[tokio::test]
async fn the_application_is_asked_before_and_told_after() {
    let (app, application) = start().await;
    let ada = app.client().registered("ada").await;
    assert_eq!(application.told(), ["before_register ada@example.com ada", "after_register ada"]);
    let id = id_of(&ada).await;
    let again = app.client().logged_in("ada").await;
    assert_eq!(application.told(), ["before_login ada", "after_login ada"]);
    let _ = again.post("/api/users/logout").json(&json!({"scope": "all"})).await.expect(200);
    assert_eq!(application.told(), ["before_logout all", "after_logout all"]);
    let ada = app.client().logged_in("ada").await;
    let _ = application.told();
    let _ = rename(&ada, &id, "countess").await.expect(200);
    assert_eq!(
        application.told(),
        [
            "before_username_change ada countess by themselves",
            "after_username_change ada countess by themselves",
        ]
    );
    let _ = change_password(&ada, PASSWORD, "an entirely other one").await.expect(200);
    assert_eq!(application.told(), ["before_password_change Changed", "after_password_change Changed"]);
    let _ = app.client().log_in("countess", "wrong").await.expect(401);
    assert!(application.told().is_empty(), "who does not know the password is nobody to ask about");
}

#[tokio::test]
async fn mailed_ways_ask_and_tell_too() {
    let (app, application) = start().await;
    let ada = app.client().registered("ada").await;
    let (id, letter) = (id_of(&ada).await, only_letter(&app).await);
    let _ = application.told();
    let _ = app.client().post(&format!("/api/users/confirm/{}", token_of(&letter))).await.expect(200);
    assert_eq!(application.told(), ["after_email_confirmed ada@example.com"]);
    let other = json!({"email": "countess@example.com", "password": PASSWORD});
    let _ = ada.post(&format!("/api/users/{id}/change_email")).json(&other).await.expect(200);
    assert_eq!(
        application.told(),
        ["before_email_change ada@example.com countess@example.com by themselves"]
    );
    let token = token_of(&only_letter(&app).await);
    let _ = app.client().post(&format!("/api/users/confirm/{token}")).await.expect(200);
    assert_eq!(
        application.told(),
        [
            "after_email_change ada@example.com countess@example.com by themselves",
            "after_email_confirmed countess@example.com",
        ]
    );
    let _ = app.mails().await;
    let forgotten = json!({"email": "countess@example.com"});
    let _ = app.client().post("/api/users/forgot_password").json(&forgotten).await.expect(200);
    let reset = format!("/api/users/password/{}", token_of(&only_letter(&app).await));
    let new = json!({"password1": "an entirely other one", "password2": "an entirely other one"});
    application.at("before_password_change", Manner::Veto);
    let _ = app.client().post(&reset).json(&new).await.expect_problem(400, "vetoed");
    application.at("", Manner::Agree);
    let _ = app.client().post(&reset).json(&new).await.expect(200);
    let told = application.told();
    assert_eq!(told[1..], ["before_password_change Reset", "after_password_change Reset"]);
}

#[tokio::test]
async fn what_administrators_do_is_asked_and_told_too() {
    let (app, application) = start().await;
    let ada = app.client().registered("ada").await;
    let (id, root) = (id_of(&ada).await, admin_of(&app).await);
    let _ = application.told();
    let _ = rename(&root, &id, "countess").await.expect(200);
    let wanted = json!({"username": "lovelace", "email": "love@example.com"});
    let path = format!("/api/v1/users/{id}");
    let _ = root.patch(&path).json(&wanted).await.expect(200);
    let _ = root.post(&format!("/api/users/{id}/blacklist")).await.expect(200);
    let _ = root.patch(&path).json(&json!({"username": "lovelace"})).await.expect(200);
    let _ = root.delete(&path).await.expect(204);
    assert_eq!(
        application.told(),
        [
            "before_username_change ada countess by an administrator",
            "after_username_change ada countess by an administrator",
            "before_username_change countess lovelace by an administrator",
            "before_email_change ada@example.com love@example.com by an administrator",
            "after_username_change countess lovelace by an administrator",
            "after_email_change ada@example.com love@example.com by an administrator",
            "after_administration lovelace active true true",
            "after_administration lovelace active true false",
            "before_account_deletion lovelace by an administrator",
            "after_account_deletion lovelace",
        ]
    );
    let nobody = "/api/v1/users/0190163d-8694-739b-aea5-966c26f8ad91";
    let _ = root.delete(nobody).await.expect_problem(404, "not_found");
    let _ = root.patch(nobody).json(&wanted).await.expect_problem(404, "not_found");
    assert!(application.told().is_empty());
}

#[tokio::test]
async fn people_who_delete_themselves_are_asked_about_and_told_twice() {
    let (app, application) = start().await;
    let ada = app.client().registered("ada").await;
    let _ = application.told();
    application.at("before_account_deletion", Manner::Veto);
    let delete = || ada.post("/api/users/delete").json(&json!({"password": PASSWORD}));
    let _ = delete().await.expect_problem(400, "vetoed");
    application.at("after_deletion_requested", Manner::Panic);
    let _ = delete().await.expect(200);
    assert_eq!(
        application.told(),
        [
            "before_account_deletion ada by themselves",
            "before_account_deletion ada by themselves",
            "after_deletion_requested ada",
        ]
    );
    app.clock().advance(Duration::from_hours(24 * 15));
    assert_eq!(app.auth().delete_due_accounts().await.unwrap(), 1);
    assert_eq!(application.told(), ["after_account_deletion somebody"]);
}

/// Every way that a hook can stop, and the request that it stops.
async fn stopped(app: &TestApp, ada: &Client, root: &Client, id: &str, hook: &str) -> Answer {
    let path = format!("/api/v1/users/{id}");
    match hook {
        "before_register" => {
            let body = json!({
                "email": "bob@example.com", "username": "bob", "password1": PASSWORD, "password2": PASSWORD
            });
            app.client().post("/api/users/register").json(&body).await
        }
        "before_login" => app.client().log_in("ada", PASSWORD).await,
        "before_username_change" => rename(ada, id, "countess").await,
        "before_email_change" => {
            let body = json!({"email": "countess@example.com", "password": PASSWORD});
            ada.post(&format!("/api/users/{id}/change_email")).json(&body).await
        }
        "before_password_change" => change_password(ada, PASSWORD, "an entirely other one").await,
        "before_account_deletion" => root.delete(&path).await,
        other => panic!("{other}"),
    }
}

const BEFORE: [&str; 6] = [
    "before_register",
    "before_login",
    "before_username_change",
    "before_email_change",
    "before_password_change",
    "before_account_deletion",
];

#[tokio::test]
async fn a_veto_is_a_400_with_the_applications_reason_and_nothing_is_done() {
    let (app, application) = start().await;
    let ada = app.client().registered("ada").await;
    let (id, root) = (id_of(&ada).await, admin_of(&app).await);
    let accounts = database::contents(&app);
    for hook in BEFORE {
        application.at(hook, Manner::Veto);
        let answer = stopped(&app, &ada, &root, &id, hook).await.expect_problem(400, "vetoed");
        assert_eq!(answer.json()["detail"], "Not on  Sundays");
        assert_eq!(answer.json()["kind"], "functional");
        assert!(answer.cookies().is_empty(), "{hook}");
    }
    let _ = root
        .patch(&format!("/api/v1/users/{id}"))
        .json(&json!({"username": "countess", "full_name": "Ada"}))
        .await
        .expect(200);
    assert_eq!(app.mails().await.len(), 1, "of what was not vetoed");
    application.at("before_username_change", Manner::Veto);
    let both = json!({"username": "lovelace", "full_name": "Nobody"});
    let _ = root.patch(&format!("/api/v1/users/{id}")).json(&both).await.expect_problem(400, "vetoed");
    assert_eq!(ada.get("/api/v1/users/me").await.json()["full_name"], "Ada", "all of a patch or nothing");
    assert!(app.mails().await.is_empty());
    assert_eq!(database::contents(&app).len(), accounts.len());
    let audit = app.audit().await;
    assert!(audit.iter().any(|event| event.kind == "login" && event.detail == "vetoed"), "{audit:?}");
    assert!(!application.told().iter().any(|told| told.starts_with("after_password")));
}

#[tokio::test]
async fn a_hook_that_fails_or_panics_lets_nobody_pass() {
    let (app, application) = start().await;
    let ada = app.client().registered("ada").await;
    let (id, root) = (id_of(&ada).await, admin_of(&app).await);
    for hook in BEFORE {
        for manner in [Manner::Fail, Manner::Panic] {
            application.at(hook, manner);
            let answer = stopped(&app, &ada, &root, &id, hook).await.expect_problem(500, "internal");
            // Its own id is random, and may spell anything.
            let mut said = answer.json();
            said.as_object_mut().unwrap().remove("id");
            let text = said.to_string();
            assert!(!text.contains("db7") && !text.contains("purpose") && !text.contains(hook), "{text}");
        }
    }
    let _ = app.client().logged_in("ada").await;
}

#[tokio::test]
async fn failures_of_ours_do_not_count_as_attempts() {
    let application = Application::new();
    let app = TestApp::builder()
        .hooks(application.clone())
        .policy(|policy| (policy.throttle.login_attempts, policy.throttle.registrations) = (2, 2))
        .start()
        .await;
    let _ = app.client().registered("ada").await;
    application.at("before_login", Manner::Fail);
    for _ in 0..5 {
        let _ = app.client().log_in("ada", PASSWORD).await.expect_problem(500, "internal");
    }
    application.at("before_register", Manner::Veto);
    let bob =
        json!({"email": "b@example.com", "username": "bob", "password1": PASSWORD, "password2": PASSWORD});
    for _ in 0..5 {
        let _ = app.client().post("/api/users/register").json(&bob).await.expect_problem(400, "vetoed");
    }
    application.at("", Manner::Agree);
    let _ = app.client().logged_in("ada").await;
    let _ = app.client().post("/api/users/register").json(&bob).await.expect(200);
}

#[tokio::test]
async fn a_hook_that_fails_afterwards_undoes_nothing() {
    let (app, application) = start().await;
    for manner in [Manner::Fail, Manner::Panic] {
        let name = if manner == Manner::Fail { "ada" } else { "bob" };
        application.at("after_register", manner);
        let person = app.client().registered(name).await;
        let id = id_of(&person).await;
        application.at("after_username_change", manner);
        let _ = rename(&person, &id, &format!("{name}2")).await.expect(200);
        for hook in ["before_logout", "after_logout"] {
            application.at("after_login", manner);
            let again = app.client().logged_in(&format!("{name}2")).await;
            application.at(hook, manner);
            let _ = again.post("/api/users/logout").await.expect(200);
            let _ = again.get("/api/v1/users/me").await.expect(401);
        }
    }
}

/// The hook that hangs is given up; so is one that keeps its thread, which nothing can end.
#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_hook_that_hangs_or_blocks_is_not_waited_for() {
    let application = Application::new();
    let app = TestApp::builder()
        .hooks(application.clone())
        .policy(|policy| policy.hooks.patience = Duration::from_secs(1))
        .start()
        .await;
    let ada = app.client().registered("ada").await;
    let id = id_of(&ada).await;
    for manner in [Manner::Hang, Manner::Block] {
        application.at("before_username_change", manner);
        let _ = rename(&ada, &id, "countess").await.expect_problem(500, "internal");
    }
    application.is_released.store(true, Ordering::SeqCst);
    application.at("after_login", Manner::Hang);
    let _ = app.client().logged_in("ada").await;
}
