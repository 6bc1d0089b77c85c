//! The outbox: what is mailed goes out once it can, whatever happens meanwhile.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use tokio::sync::Notify;
use vestibule::core::{
    Auth,
    administration::Administrator,
    ports::{DeliveryError, Mailer, audit::AuditRecord},
    values::{message::Message, secret::SecretKey, username::LoginName},
};
use vestibule_testkit::{TestApp, faults::Fault};

/// A mail server that fails as often as it is told, for now or for good.
#[derive(Debug)]
struct Failing {
    attempts: AtomicUsize,
    failures: usize,
    is_final: bool,
}

impl Failing {
    fn new(failures: usize, is_final: bool) -> Arc<Self> {
        Arc::new(Self { attempts: AtomicUsize::new(0), failures, is_final })
    }

    fn attempts(&self) -> usize {
        self.attempts.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Mailer for Failing {
    async fn deliver(&self, _: &Message) -> Result<(), DeliveryError> {
        if self.attempts.fetch_add(1, Ordering::SeqCst) >= self.failures {
            return Ok(());
        }
        let cause = "451 come back later".into();
        Err(if self.is_final { DeliveryError::Final(cause) } else { DeliveryError::Temporary(cause) })
    }
}

async fn waiting(app: &TestApp) -> u64 {
    use vestibule::core::ports::store::prelude::*;
    app.store().count_errands().await.unwrap().waiting
}

async fn run_due(app: &TestApp) -> usize {
    app.auth().run_due_errands().await.unwrap()
}

#[tokio::test]
async fn what_is_refused_for_now_is_tried_again_after_growing_pauses() {
    let mailer = Failing::new(3, false);
    let app = TestApp::builder().mailer(mailer.clone()).start().await;
    let _ = app.client().registered("ada").await;
    assert_eq!(run_due(&app).await, 1);
    assert_eq!(run_due(&app).await, 0, "not at once");
    for (too_early, pause) in [(14, 6), (29, 10), (59, 17)] {
        app.clock().advance(Duration::from_secs(too_early));
        assert_eq!(run_due(&app).await, 0, "{too_early} s are too early");
        app.clock().advance(Duration::from_secs(pause));
        assert_eq!(run_due(&app).await, 1);
    }
    assert_eq!((mailer.attempts(), waiting(&app).await), (4, 0));
}

#[tokio::test]
async fn what_cannot_be_delivered_for_a_day_is_given_up_aloud() {
    let mailer = Failing::new(usize::MAX, false);
    let app = TestApp::builder().mailer(mailer.clone()).start().await;
    let _ = app.client().registered("ada").await;
    for _ in 0..26 * 4 {
        run_due(&app).await;
        app.clock().advance(Duration::from_mins(15));
    }
    assert_eq!(waiting(&app).await, 0);
    assert!(mailer.attempts() > 20, "{}", mailer.attempts());
    let events = app.audit().await;
    let given_up: Vec<_> = events.iter().filter(|event| event.kind == "mail").collect();
    assert_eq!(given_up.len(), 1);
    assert_eq!((given_up[0].outcome.as_str(), given_up[0].detail.as_str()), ("failure", "abandoned"));
    assert!(given_up[0].account_id.is_some());
}

#[tokio::test]
async fn what_is_refused_for_good_is_not_tried_again() {
    let mailer = Failing::new(usize::MAX, true);
    let app = TestApp::builder().mailer(mailer.clone()).start().await;
    let _ = app.client().registered("ada").await;
    run_due(&app).await;
    app.clock().advance(Duration::from_hours(2));
    run_due(&app).await;
    assert_eq!((mailer.attempts(), waiting(&app).await), (1, 0));
}

/// A node that dies between the commit and the sending leaves the mail to others; one that dies after the sending has it
/// sent twice, and never more.
#[tokio::test]
async fn a_mail_survives_the_node_that_was_to_send_it() {
    let mailer = Failing::new(0, false);
    let app = TestApp::builder().mailer(mailer.clone()).start().await;
    let _ = app.client().registered("ada").await;
    app.store().fail("finish_errand", Fault::Before);
    run_due(&app).await;
    app.store().heal();
    assert_eq!((mailer.attempts(), waiting(&app).await), (1, 1));
    assert_eq!(run_due(&app).await, 0, "it is somebody's as long as its lease");
    app.clock().advance(Duration::from_mins(5));
    run_due(&app).await;
    assert_eq!((mailer.attempts(), waiting(&app).await), (2, 0));
}

async fn given_up(app: &TestApp) -> usize {
    let is_so = |event: &&AuditRecord| event.kind == "mail" && event.detail == "abandoned";
    app.audit().await.iter().filter(is_so).count()
}

/// What cannot be read holds nobody up, and is given up when nobody could for a day.
#[tokio::test]
async fn what_cannot_be_read_is_given_up_after_a_day() {
    let mailer = Failing::new(0, false);
    let app = TestApp::builder().mailer(mailer.clone()).start().await;
    let _ = app.client().registered("ada").await;
    let database = rusqlite::Connection::open(app.database()).unwrap();
    database.execute("UPDATE errand SET sealed = zeroblob(60)", []).unwrap();
    let _ = app.client().registered("eve").await;
    assert_eq!(run_due(&app).await, 2);
    assert_eq!((mailer.attempts(), waiting(&app).await, given_up(&app).await), (1, 1, 0));
    app.clock().advance(Duration::from_hours(24));
    assert_eq!(run_due(&app).await, 1);
    assert_eq!((mailer.attempts(), waiting(&app).await, given_up(&app).await), (1, 0, 1));
}

/// While nodes are restarted with a new `secret_key`, or a new version, the old ones leave what they cannot read to them.
#[tokio::test]
async fn a_letter_of_a_node_with_a_newer_secret_key_is_left_to_such_nodes() {
    let mailer = Failing::new(0, false);
    let app = TestApp::builder().mailer(mailer.clone()).start().await;
    let _ = app.client().registered("ada").await;
    assert_eq!(run_due(&app).await, 1);
    let newer = Auth::builder(app.store().clone(), app.hasher().clone(), SecretKey::generate())
        .previous_secrets(vec![app.secret().clone()])
        .clock(Arc::new(app.clock().clone()))
        .mailer(mailer.clone())
        .start()
        .await
        .unwrap();
    let operator = Administrator::operator();
    let ada = newer.find_account_by_name(&operator, &LoginName::read("ada")).await.unwrap();
    newer.request_confirmation(&ada, None).await.unwrap();
    assert_eq!(run_due(&app).await, 1);
    assert_eq!((mailer.attempts(), waiting(&app).await), (1, 1), "the older node cannot read it");
    app.clock().advance(Duration::from_secs(20));
    assert_eq!(newer.run_due_errands().await.unwrap(), 1);
    assert_eq!((mailer.attempts(), waiting(&app).await, given_up(&app).await), (2, 0, 0));
}

/// A mailer of an application's own, with a mistake.
#[derive(Debug)]
struct Panicking;

#[async_trait]
impl Mailer for Panicking {
    async fn deliver(&self, _: &Message) -> Result<(), DeliveryError> {
        panic!("a mistake")
    }
}

#[tokio::test]
async fn what_makes_a_mailer_panic_is_put_off_and_given_up_like_anything_else() {
    let app = TestApp::builder().mailer(Arc::new(Panicking)).start().await;
    let _ = app.client().registered("ada").await;
    assert_eq!(run_due(&app).await, 1);
    assert_eq!((waiting(&app).await, given_up(&app).await), (1, 0));
    app.clock().advance(Duration::from_hours(24));
    assert_eq!(run_due(&app).await, 1);
    assert_eq!((waiting(&app).await, given_up(&app).await), (0, 1));
}

/// A machine that started with its clock a day ahead: letters do not wait until it is that day.
#[tokio::test]
async fn a_clock_that_was_ahead_holds_no_letter_up() {
    let mailer = Failing::new(1, false);
    let app = TestApp::builder().mailer(mailer.clone()).start().await;
    let _ = app.client().registered("ada").await;
    run_due(&app).await;
    let _ = app.client().registered("eve").await;
    app.clock().turn_back(Duration::from_hours(24));
    assert_eq!(run_due(&app).await, 2, "the new one and the one that was put off");
    assert_eq!((mailer.attempts(), waiting(&app).await), (3, 0));
}

/// A clock that is set right by a week must not give up what nobody has tried.
#[tokio::test]
async fn a_clock_that_jumps_ahead_gives_nothing_up_untried() {
    let mailer = Failing::new(0, false);
    let app = TestApp::builder().mailer(mailer.clone()).start().await;
    let _ = app.client().registered("ada").await;
    app.clock().advance(Duration::from_hours(24 * 7));
    assert_eq!(run_due(&app).await, 1);
    assert_eq!((mailer.attempts(), waiting(&app).await), (1, 0));
    assert!(app.audit().await.iter().all(|event| event.kind != "mail"));
}

/// A mail server that takes its time.
#[derive(Debug, Default)]
struct Slow {
    has_begun: Notify,
    may_end: Notify,
}

#[async_trait]
impl Mailer for Slow {
    async fn deliver(&self, _: &Message) -> Result<(), DeliveryError> {
        self.has_begun.notify_one();
        self.may_end.notified().await;
        Ok(())
    }
}

/// Whoever stops the server does not have letters sent twice, as long as the mail server is not too slow.
#[tokio::test]
async fn stopping_waits_for_the_letter_in_hand_and_begins_no_other() {
    let mailer = Arc::new(Slow::default());
    let app = TestApp::builder().mailer(mailer.clone()).start().await;
    let upkeep = app.auth().start_upkeep();
    let _ = app.client().registered("ada").await;
    mailer.has_begun.notified().await;
    let stopping = tokio::spawn(upkeep.stop(Duration::from_mins(1)));
    tokio::task::yield_now().await;
    let _ = app.client().registered("eve").await;
    mailer.may_end.notify_one();
    stopping.await.unwrap();
    assert_eq!(waiting(&app).await, 1, "eve's waits for the next start");

    let upkeep = app.auth().start_upkeep();
    mailer.has_begun.notified().await;
    upkeep.stop(Duration::ZERO).await;
    assert_eq!(waiting(&app).await, 1, "given up in the middle, it is still there");
}

/// The background work sends by itself, at once.
#[tokio::test]
async fn the_background_work_sends_what_is_queued() {
    let mailer = Failing::new(0, false);
    let app = TestApp::builder().mailer(mailer.clone()).start().await;
    let upkeep = app.auth().start_upkeep();
    let _ = app.client().registered("ada").await;
    super::hang_up::eventually("the mail is sent", || async {
        mailer.attempts() == 1 && waiting(&app).await == 0
    })
    .await;
    drop(upkeep);
}
