//! Nodes whose clocks differ: what ends, ends on all of them, and what begins after it lives.

use std::{net::IpAddr, sync::Arc, time::Duration};

use async_trait::async_trait;
use vestibule_core::{
    Auth, Policy,
    login::{LoggedIn, LoginAttempt},
    logout::{LogoutScope, LogoutTokens},
    ports::{
        HashError, PasswordHasher, Verification,
        store::{Opening, Rotation, Store},
    },
    values::{
        client::{Client, ClientNetwork},
        password::{Password, PasswordHash},
        scope::Scopes,
        secret::SecretKey,
        username::LoginName,
    },
};

use super::{
    StoreFixture,
    samples::{all_revoked, at, log_in, new_session, opening, register, rotated, rotation},
};
use vestibule_testing::VirtualClock;

/// How far one clock is ahead of the other, in milliseconds.
const AHEAD: i64 = 2000;

/// Takes every password for right.
#[derive(Debug)]
struct Trusting;

#[async_trait]
impl PasswordHasher for Trusting {
    async fn hash(&self, _: Password, _: ClientNetwork) -> Result<PasswordHash, HashError> {
        Ok(super::samples::hash(0))
    }

    async fn verify(
        &self,
        stored: Option<PasswordHash>,
        _: Password,
        _: ClientNetwork,
    ) -> Result<Verification, HashError> {
        Ok(stored.map_or(Verification::Wrong, |_| Verification::Right { is_outdated: false }))
    }
}

/// A node with a clock of its own.
struct Node {
    auth: Arc<Auth>,
    clock: VirtualClock,
}

impl Node {
    async fn start(fixture: &impl StoreFixture, secret: &SecretKey, clock: VirtualClock) -> Self {
        let mut policy = Policy::default();
        policy.tokens.leeway = Duration::from_secs(5);
        policy.throttle.is_enabled = false;
        let auth = Auth::builder(fixture.open().await, Arc::new(Trusting), secret.clone())
            .clock(Arc::new(clock.clone()))
            .policy(policy);
        Self { auth: auth.start().await.unwrap(), clock }
    }

    fn client() -> Client {
        Client::new(IpAddr::from([192, 0, 2, 7]), "a browser")
    }

    async fn log_in(&self, name: &str) -> LoggedIn {
        let attempt = LoginAttempt {
            captcha: None,
            name: name.to_owned(),
            password: Password::new("whatever"),
            scope: Scopes::none(),
            client: Self::client(),
            device: vestibule_core::values::device::Device::Program,
            replaces: None,
            restores: false,
        };
        self.auth.log_in(attempt).await.unwrap()
    }

    async fn log_out_all(&self, login: &LoggedIn) {
        let tokens = LogoutTokens { access: Some(login.tokens.access.expose()), ..LogoutTokens::default() };
        self.auth.log_out(tokens, LogoutScope::All, &Self::client()).await.unwrap();
    }

    async fn takes(&self, login: &LoggedIn) -> bool {
        self.auth.verify_access_token(login.tokens.access.expose()).await.is_ok()
    }

    async fn refreshes(&self, login: &LoggedIn) -> bool {
        self.auth.refresh(login.tokens.refresh.expose(), &Self::client()).await.is_ok()
    }
}

/// A session whose birth lies ahead of the clock that cuts off ends with the others; one that is opened after it, on
/// whatever clock, is born later and lives.
pub async fn a_cut_off_ends_what_is_there_whatever_its_clock_says(fixture: &impl StoreFixture) {
    let (slow, fast) = (fixture.open().await, fixture.open().await);
    for (name, is_everyone) in [("ada", false), ("bob", true)] {
        let account = register(&*fast, name).await.id;
        let ahead = log_in(&*fast, account, at(AHEAD)).await;
        let cutoff_at = if is_everyone {
            slow.cut_off_everyone(at(0)).await.unwrap()
        } else {
            slow.cut_off_account(account, at(0)).await.unwrap().unwrap().at
        };
        assert!(cutoff_at >= at(AHEAD));
        assert_eq!(slow.rotate_session(rotation(ahead, 0, at(1))).await.unwrap(), Rotation::Refused);
        assert_eq!(fast.find_session_owner(ahead, at(AHEAD)).await.unwrap(), None);
        assert_eq!(slow.list_sessions(account, at(1)).await.unwrap(), []);
        let told = all_revoked(&*fast, at(1)).await;
        let is_told = |told: &vestibule_core::ports::store::Revoked, id| {
            told.sessions.iter().any(|revoked| revoked.id == id)
        };
        assert!(is_told(&told, ahead) || told.everyone == cutoff_at);

        let behind = slow.open_session(opening(new_session(account, at(1)))).await.unwrap();
        assert_eq!(behind, Opening::Refused, "it would be dead from its birth");
        let found = slow.find_credentials(&LoginName::Username(name.to_owned())).await.unwrap().unwrap();
        assert_eq!(found.cutoff_at, cutoff_at);
        let anew = log_in(&*slow, account, found.cutoff_at.plus(Duration::from_millis(1))).await;
        assert_eq!(rotated(&*fast, rotation(anew, 0, at(AHEAD + 2))).await.generation, 1);
        assert!(!is_told(&all_revoked(&*fast, at(2)).await, anew));
    }
}

/// Whoever of the two logs everybody out: no token of before is taken on either node, and every one of after is.
pub async fn t13_logout_all_holds_on_nodes_whose_clocks_differ(fixture: &impl StoreFixture) {
    let secret = SecretKey::generate();
    let store = fixture.open().await;
    register(&*store, "ada").await;
    let slow = Node::start(fixture, &secret, VirtualClock::at(at(0))).await;
    let fast = Node::start(fixture, &secret, VirtualClock::at(at(AHEAD))).await;
    for (here, there) in [(&slow, &fast), (&fast, &slow), (&slow, &fast)] {
        let before = [here.log_in("ada").await, there.log_in("ada").await];
        for login in &before {
            assert!(here.takes(login).await && there.takes(login).await);
        }
        here.log_out_all(&before[0]).await;
        let after = [here.log_in("ada").await, there.log_in("ada").await];
        there.auth.catch_up().await.unwrap();
        here.auth.catch_up().await.unwrap();
        for login in &before {
            assert!(!here.takes(login).await && !there.takes(login).await);
            assert!(!here.refreshes(login).await && !there.refreshes(login).await);
        }
        for login in &after {
            assert!(here.takes(login).await && there.takes(login).await);
            assert!(there.refreshes(login).await);
        }
        for node in [here, there] {
            node.clock.advance(Duration::from_millis(100));
        }
    }
}

/// Logins and a logout of all at the same time, from two handles with two clocks: whatever is left lives to be refreshed,
/// and whatever is gone is told of.
pub async fn logins_beside_a_cut_off_live_or_are_told_of(fixture: &impl StoreFixture) {
    let handles: [Arc<dyn Store>; 2] = [fixture.open().await, fixture.open().await];
    let ada = register(&*handles[0], "ada").await.id;
    for round in 0..8 {
        let begin = round * 1_000_000;
        let opened = super::at_once(12, |number| {
            let store = handles[number % 2].clone();
            let ahead = if number % 2 == 0 { 0 } else { AHEAD };
            async move {
                if number == 4 {
                    store.cut_off_account(ada, at(begin)).await.unwrap().unwrap();
                    return None;
                }
                let session = new_session(ada, at(begin + ahead + 1));
                let id = session.id;
                let outcome = store.open_session(opening(session)).await.unwrap();
                matches!(outcome, Opening::Opened { .. }).then_some(id)
            }
        })
        .await;
        let told = all_revoked(&*handles[1], at(begin + 1)).await;
        let cutoff = told.accounts.iter().find(|cutoff| cutoff.account_id == ada);
        for id in opened.into_iter().flatten() {
            let is_covered = cutoff.is_some_and(|cutoff| id.created_at() <= cutoff.at);
            let is_told = told.sessions.iter().any(|revoked| revoked.id == id);
            let outcome = handles[0].rotate_session(rotation(id, 0, at(begin + 2))).await.unwrap();
            let lives = matches!(outcome, Rotation::Rotated(_));
            assert_eq!(lives, !(is_covered || is_told), "{outcome:?}");
        }
    }
}
