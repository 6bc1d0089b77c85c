//! The pool with an engine that the tests hold back and let go, so that nothing depends on time.

use std::{
    future::Future,
    pin::{Pin, pin},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
        mpsc::{self, Receiver, Sender},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use super::*;
use crate::phc::Recipe;

/// Tells which password it has in hand, then waits to be let go.
struct HeldBack {
    begun: Sender<String>,
    permits: Arc<Mutex<Receiver<()>>>,
    busy: Arc<AtomicUsize>,
    most_busy: Arc<AtomicUsize>,
}

impl Engine for HeldBack {
    fn compute(&mut self, _: &Recipe, password: &[u8], _: &[u8], _: &mut [u8]) -> Result<(), EngineError> {
        let busy = self.busy.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_busy.fetch_max(busy, Ordering::SeqCst);
        let password = String::from_utf8(password.to_vec()).unwrap();
        self.begun.send(password.clone()).unwrap();
        // An error means that the test is over.
        let _ = self.permits.lock().unwrap().recv();
        self.busy.fetch_sub(1, Ordering::SeqCst);
        assert_ne!(password, "panic", "as the test wants");
        Ok(())
    }

    fn lend(&mut self, _: u32, work: &mut dyn FnMut()) -> Result<(), EngineError> {
        work();
        Ok(())
    }
}

struct Fixture {
    pool: HashingPool,
    begun: Receiver<String>,
    permits: Sender<()>,
    most_busy: Arc<AtomicUsize>,
}

impl Fixture {
    fn new(threads: usize, queue_length_max: usize) -> Self {
        let (telling, begun) = mpsc::channel();
        let (permits, permit) = mpsc::channel();
        let (permit, busy, most_busy) = (Arc::new(Mutex::new(permit)), Arc::default(), Arc::default());
        let threads = NonZeroUsize::new(threads);
        let queue_wait_max = Duration::from_mins(1);
        let cheap = HashingConfig::cheap_for_tests();
        let config = HashingConfig { threads, queue_wait_max, queue_length_max, ..cheap };
        let pool = HashingPool::start_with(config, || {
            Ok(Box::new(HeldBack {
                begun: telling.clone(),
                permits: Arc::clone(&permit),
                busy: Arc::clone(&busy),
                most_busy: Arc::clone(&most_busy),
            }))
        });
        Self { pool: pool.unwrap(), begun, permits, most_busy }
    }

    fn let_go(&self, count: usize) {
        (0..count).for_each(|_| self.permits.send(()).unwrap());
    }

    /// Asks for the hash of a password on behalf of the network that its first letter names; it is in the queue or
    /// turned away when this returns.
    fn ask(&self, password: &str) -> Asked<'_> {
        let address = format!("192.0.2.{}", password.as_bytes()[0]);
        let network = ClientNetwork::of(address.parse().unwrap());
        let mut asked = self.pool.hash(Password::new(password), network);
        let early = poll(asked.as_mut());
        Asked { future: asked, early }
    }
}

type Answer = Result<PasswordHash, HashError>;

struct Asked<'a> {
    future: Pin<Box<dyn Future<Output = Answer> + Send + 'a>>,
    early: Poll<Answer>,
}

impl Asked<'_> {
    fn is_turned_away(&mut self) -> bool {
        if self.early.is_pending() {
            self.early = poll(self.future.as_mut());
        }
        matches!(self.early, Poll::Ready(Err(HashError::Overloaded { retry_after })) if retry_after >= Duration::from_secs(1))
    }

    async fn answer(self) -> Answer {
        match self.early {
            Poll::Ready(answer) => answer,
            Poll::Pending => self.future.await,
        }
    }
}

fn poll<T>(future: Pin<&mut (impl Future<Output = T> + ?Sized)>) -> Poll<T> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

#[tokio::test]
async fn beyond_the_queue_everybody_is_turned_away_at_once() {
    let fixture = Fixture::new(1, 2);
    let in_hand = fixture.ask("a1");
    fixture.begun.recv().unwrap();
    let (second, third) = (fixture.ask("a2"), fixture.ask("a3"));
    assert_eq!(fixture.pool.waiting(), 2);
    assert!(fixture.ask("a4").is_turned_away());
    fixture.let_go(100);
    for asked in [in_hand, second, third] {
        asked.answer().await.unwrap();
    }
}

#[tokio::test]
async fn a_flood_from_one_network_gives_way_to_another() {
    let fixture = Fixture::new(1, 3);
    let in_hand = fixture.ask("a1");
    fixture.begun.recv().unwrap();
    let flood = [fixture.ask("a2"), fixture.ask("a3")];
    let mut newest = fixture.ask("a4");
    let stranger = fixture.ask("b1");
    assert!(newest.is_turned_away());
    assert_eq!(fixture.pool.waiting(), 3);
    fixture.let_go(100);
    for asked in [in_hand, stranger].into_iter().chain(flood) {
        asked.answer().await.unwrap();
    }
    assert_eq!(fixture.begun.try_iter().collect::<Vec<_>>(), ["a2", "b1", "a3"]);
}

#[tokio::test]
async fn who_goes_away_leaves_the_queue() {
    let fixture = Fixture::new(1, 1);
    let in_hand = fixture.ask("a1");
    fixture.begun.recv().unwrap();
    let gone = fixture.ask("a2");
    assert!(fixture.ask("a3").is_turned_away());
    drop(gone);
    assert_eq!(fixture.pool.waiting(), 0);
    let next = fixture.ask("a4");
    fixture.let_go(100);
    in_hand.answer().await.unwrap();
    next.answer().await.unwrap();
    assert_eq!(fixture.begun.try_iter().collect::<Vec<_>>(), ["a4"]);
}

#[tokio::test]
async fn who_goes_away_during_the_work_does_no_harm() {
    let fixture = Fixture::new(1, 1);
    let in_hand = fixture.ask("a1");
    fixture.begun.recv().unwrap();
    drop(in_hand);
    fixture.let_go(1);
    let next = fixture.ask("a2");
    fixture.let_go(1);
    next.answer().await.unwrap();
}

#[tokio::test]
async fn no_more_than_the_threads_work_at_once() {
    let fixture = Fixture::new(3, 100);
    let asked: Vec<_> = (0..30).map(|number| fixture.ask(&format!("a{number}"))).collect();
    // All three have begun and none has been let go, so this is the most there can be.
    (0..3).for_each(|_| drop(fixture.begun.recv().unwrap()));
    assert_eq!(fixture.pool.waiting(), 27);
    fixture.let_go(30);
    for asked in asked {
        asked.answer().await.unwrap();
    }
    assert_eq!(fixture.most_busy.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_panic_costs_one_answer_and_no_thread() {
    let fixture = Fixture::new(1, 10);
    let (panics, next) = (fixture.ask("panic"), fixture.ask("a1"));
    fixture.let_go(100);
    assert_eq!(panics.answer().await, Err(HashError::Stopped));
    next.answer().await.unwrap();
}

#[tokio::test]
async fn stopping_answers_everybody_and_ends_the_threads() {
    let mut fixture = Fixture::new(1, 10);
    let threads = std::mem::take(&mut fixture.pool.threads);
    let in_hand = fixture.ask("a1");
    fixture.begun.recv().unwrap();
    let waits = fixture.ask("a2");
    fixture.pool.stop();
    assert_eq!(waits.answer().await, Err(HashError::Stopped));
    assert_eq!(fixture.ask("a3").answer().await, Err(HashError::Stopped));
    fixture.let_go(1);
    in_hand.answer().await.unwrap();
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(fixture.begun.try_iter().count(), 0);
}

#[test]
fn a_dropped_pool_ends_its_threads() {
    let mut pool = HashingPool::start(HashingConfig::cheap_for_tests()).unwrap();
    let threads = std::mem::take(&mut pool.threads);
    let names: Vec<_> = threads.iter().map(|thread| thread.thread().name().unwrap().to_owned()).collect();
    assert_eq!(names, ["hashing-0", "hashing-1"]);
    drop(pool);
    for thread in threads {
        thread.join().unwrap();
    }
}

#[tokio::test]
async fn an_engine_that_fails_is_an_outage() {
    struct Failing;
    impl Engine for Failing {
        fn compute(&mut self, _: &Recipe, _: &[u8], _: &[u8], _: &mut [u8]) -> Result<(), EngineError> {
            Err(EngineError::out_of_memory())
        }

        fn lend(&mut self, _: u32, _: &mut dyn FnMut()) -> Result<(), EngineError> {
            Err(EngineError::out_of_memory())
        }
    }
    let pool = HashingPool::start_with(HashingConfig::cheap_for_tests(), || Ok(Box::new(Failing))).unwrap();
    let answer = pin!(pool.verify(None, Password::new("password"), ClientNetwork::LOCAL)).await;
    assert_eq!(answer, Err(HashError::Stopped));
}
