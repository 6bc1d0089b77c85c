//! Events for other systems: queued with what they tell of, told until they are taken.

use std::{
    collections::HashSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use serde_json::{Value, json};
use uuid::Uuid;
use vestibule::core::{
    administration::Administrator,
    ports::{
        DeliveryError, Notifier,
        notifier::{Event, EventKind},
        store::prelude::*,
    },
    register::{AdminCreation, RegistrationError},
    values::{password::Password, username::LoginName},
};
use vestibule_testkit::{PASSWORD, TestApp, faults::Fault};

use super::{
    account_changes::{admin_of, id_of},
    confirmation::{only_letter, token_of},
};

/// Another system, which takes everything, or fails as often as it is told.
#[derive(Debug)]
struct Listener {
    told: Mutex<Vec<(Uuid, Event)>>,
    failures: AtomicUsize,
    is_final: bool,
    wanted: HashSet<EventKind>,
}

impl Listener {
    fn new(failures: usize, is_final: bool, wanted: &[EventKind]) -> Arc<Self> {
        let wanted = wanted.iter().copied().collect();
        Arc::new(Self { told: Mutex::default(), failures: AtomicUsize::new(failures), is_final, wanted })
    }

    fn taking_all() -> Arc<Self> {
        Self::new(0, false, EventKind::ALL)
    }

    fn told(&self) -> Vec<Event> {
        std::mem::take(&mut *self.told.lock().unwrap()).into_iter().map(|(_, event)| event).collect()
    }
}

#[async_trait]
impl Notifier for Listener {
    fn wants(&self, kind: EventKind) -> bool {
        self.wanted.contains(&kind)
    }

    async fn notify(&self, id: Uuid, event: &Event) -> Result<(), DeliveryError> {
        if self.failures.load(Ordering::SeqCst) > 0 {
            self.failures.fetch_sub(1, Ordering::SeqCst);
            let cause = "the receiver answered 500".into();
            return Err(if self.is_final {
                DeliveryError::Final(cause)
            } else {
                DeliveryError::Temporary(cause)
            });
        }
        self.told.lock().unwrap().push((id, event.clone()));
        Ok(())
    }
}

async fn waiting(app: &TestApp) -> u64 {
    app.store().count_errands().await.unwrap().waiting
}

/// What has been told since this was last asked, in the order it was queued in.
async fn told(app: &TestApp, listener: &Listener) -> Vec<(&'static str, Value)> {
    let _ = app.mails().await;
    listener.told().into_iter().map(|event| (event.kind.as_str(), Value::Object(event.previous))).collect()
}

#[tokio::test]
async fn everything_that_becomes_of_an_account_is_told() {
    let listener = Listener::taking_all();
    let app = TestApp::builder().notifier(listener.clone()).start().await;
    let ada = app.client().registered("ada").await;
    let id = id_of(&ada).await;
    let letter = only_letter(&app).await;
    let event = listener.told().remove(0);
    assert_eq!((event.kind, event.account_id.to_string()), (EventKind::Registered, id.clone()));
    let mut shown = ada.get("/api/v1/users/me").await.json();
    assert_eq!(serde_json::to_value(event.account).unwrap(), shown, "an account as the API shows it");

    let _ = app.client().post(&format!("/api/users/confirm/{}", token_of(&letter))).await.expect(200);
    assert_eq!(told(&app, &listener).await, [("user.email_confirmed", json!({"confirmed": false}))]);
    let rename = json!({"username": "countess"});
    let _ = ada.post(&format!("/api/users/{id}/change_username")).json(&rename).await.expect(200);
    let _ = app.mails().await;
    let event = listener.told().remove(0);
    assert_eq!(
        (event.kind, &event.previous),
        (EventKind::UsernameChanged, json!({"username": "ada"}).as_object().unwrap())
    );
    shown["username"] = json!("countess");
    shown["confirmed"] = json!(true);
    assert_eq!(serde_json::to_value(event.account).unwrap(), shown);
    let new = json!({"old_password": PASSWORD, "password1": "an entirely other one", "password2": "an entirely other one"});
    let _ = ada.put("/api/users/password").json(&new).await.expect(200);
    assert_eq!(told(&app, &listener).await, [("user.password_changed", json!({}))]);

    let root = admin_of(&app).await;
    let _ = listener.told();
    let path = format!("/api/v1/users/{id}");
    let changes =
        json!({"email": "a@example.com", "username": null, "full_name": "Ada", "permissions": ["a"]});
    let _ = root.patch(&path).json(&changes).await.expect(200);
    let mut kinds: Vec<_> = told(&app, &listener).await.into_iter().map(|(kind, _)| kind).collect();
    kinds.sort_unstable();
    assert_eq!(
        kinds,
        ["user.email_changed", "user.full_name_changed", "user.permissions_changed", "user.username_changed"]
    );
    for kind in ["user.disabled", "user.enabled"] {
        let _ = root.post(&format!("/api/users/{id}/blacklist")).await.expect(200);
        assert_eq!(told(&app, &listener).await[0].0, kind);
    }
    let _ = root.patch(&path).json(&json!({"full_name": "Ada"})).await.expect(200);
    assert!(told(&app, &listener).await.is_empty(), "what changes nothing is nothing to tell");
    // The operator's changes are changes like any others.
    let promoted = app.auth().create_admin("a@example.com", "ada", Password::new("unused")).await;
    assert!(matches!(promoted, Err(RegistrationError::Unproved)), "{promoted:?}");
    let proved = json!({"confirmed": true});
    let _ = root.patch(&path).json(&proved).await.expect(200);
    let _ = told(&app, &listener).await;
    let promoted = app.auth().create_admin("a@example.com", "ada", Password::new("unused")).await.unwrap();
    assert!(matches!(&promoted, AdminCreation::Promoted(account) if account.permissions.contains("admin")));
    let previous = json!({"permissions": ["a"]});
    assert_eq!(told(&app, &listener).await, [("user.permissions_changed", previous)]);
    let operator = Administrator::operator();
    let account =
        app.auth().find_account_by_name(&operator, &LoginName::read("a@example.com")).await.unwrap();
    let new = Password::new("a third one, of the operator");
    app.auth().set_password_for(&operator, &account, new).await.unwrap();
    assert_eq!(told(&app, &listener).await, [("user.password_changed", json!({}))]);
    let _ = root.delete(&path).await.expect(204);
    let _ = app.mails().await;
    let event = listener.told().remove(0);
    assert_eq!((event.kind, event.account.unwrap().email), (EventKind::Deleted, "a@example.com".to_owned()));
}

#[tokio::test]
async fn deletions_by_owners_are_told_too_and_outlive_the_account() {
    let listener = Listener::taking_all();
    let app = TestApp::builder().notifier(listener.clone()).start().await;
    let ada = app.client().registered("ada").await;
    let id = id_of(&ada).await;
    let _ = told(&app, &listener).await;
    let _ = ada.post("/api/users/delete").json(&json!({"password": PASSWORD})).await.expect(200);
    // Nobody runs errands before the account is gone.
    app.clock().advance(Duration::from_hours(24 * 15));
    assert_eq!(app.auth().delete_due_accounts().await.unwrap(), 1);
    let _ = app.mails().await;
    let events = listener.told();
    let kinds: Vec<_> = events.iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [EventKind::Disabled, EventKind::Deleted]);
    assert_eq!((events[1].account_id.to_string(), &events[1].account), (id, &None));
}

#[tokio::test]
async fn what_was_not_done_is_not_told_and_what_nobody_wants_is_not_kept() {
    let listener = Listener::new(0, false, &[EventKind::UsernameChanged]);
    let app = TestApp::builder().notifier(listener.clone()).start().await;
    let (ada, _) = (app.client().registered("ada").await, app.client().registered("bob").await);
    let id = id_of(&ada).await;
    assert!(told(&app, &listener).await.is_empty());
    let rename =
        |to: &str| ada.post(&format!("/api/users/{id}/change_username")).json(&json!({ "username": to }));
    let _ = rename("bob").await.expect_problem(400, "username_taken");
    let _ = rename("ada").await.expect_problem(400, "username_unchanged");
    app.store().fail("change_account", Fault::Before);
    let _ = rename("countess").await.expect_problem(503, "unavailable");
    assert_eq!(waiting(&app).await, 0);
    app.store().heal();
    let _ = rename("countess").await.expect(200);
    assert_eq!(told(&app, &listener).await.len(), 1);
}

#[tokio::test]
async fn an_event_is_told_until_it_is_taken_and_its_id_stays() {
    let listener = Listener::new(3, false, EventKind::ALL);
    let app = TestApp::builder().notifier(listener.clone()).start().await;
    let _ = app.client().registered("ada").await;
    assert_eq!(app.mails().await.len(), 1, "letters do not wait for it");
    for pause in [15, 30, 60] {
        assert!(listener.told().is_empty());
        app.clock().advance(Duration::from_secs(pause - 1));
        assert_eq!(app.auth().run_due_errands().await.unwrap(), 0, "too early");
        app.clock().advance(Duration::from_secs(2 + pause / 4));
        assert_eq!(app.auth().run_due_errands().await.unwrap(), 1);
    }
    assert_eq!((listener.told().len(), waiting(&app).await), (1, 0));
}

#[tokio::test]
async fn an_event_is_given_up_aloud() {
    for is_final in [true, false] {
        let listener = Listener::new(usize::MAX, is_final, EventKind::ALL);
        let app = TestApp::builder().notifier(listener.clone()).start().await;
        let _ = app.client().registered("ada").await;
        let _ = app.mails().await;
        if !is_final {
            assert_eq!(waiting(&app).await, 1);
            app.clock().advance(Duration::from_hours(25));
            let _ = app.mails().await;
        }
        assert_eq!(waiting(&app).await, 0);
        let events = app.audit().await;
        let event = events.iter().find(|event| event.kind == "webhook").unwrap();
        assert_eq!((event.outcome.as_str(), event.detail.as_str()), ("failure", "abandoned"));
        assert!(event.account_id.is_some());
    }
}
