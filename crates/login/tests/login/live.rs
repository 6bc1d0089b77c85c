//! Connections that stay open.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use axum::{Router, routing::get as get_route};
use futures_util::{StreamExt, stream};
use tokio::time::{Duration, Instant};
use vestibule_login::{BadToken, Login, LoginClaims};

use super::app::{TurnedClock, User, builder, built, find, send, with_token};

/// Opens a connection that lasts until its token does not count, and says for how long it was open and why not longer.
async fn open_connection(
    is_revoked: Arc<AtomicBool>,
    clock: Arc<TurnedClock>,
    end: impl FnOnce(),
) -> (Duration, String) {
    let asked = Arc::clone(&is_revoked);
    let revoked = move |_: LoginClaims| {
        let asked = Arc::clone(&asked);
        async move { Ok::<_, std::io::Error>(asked.load(Ordering::SeqCst)) }
    };
    let login = built(builder().clock(clock).revoked_if(revoked).user_loader(find));
    let token = login.create_access_token("ada").unwrap();
    let until_ended = async |login: Login<User>| {
        let endless = stream::unfold((), |()| async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            Some(((), ()))
        });
        let bad = login.clone();
        login.until_ended(endless).for_each(|()| async {}).await;
        format!("{:?}", bad.ended().await)
    };
    let app = Router::new().route("/", get_route(until_ended)).with_state(login);
    let began = Instant::now();
    let connection = tokio::spawn(async move { send(&app, with_token("/", token.expose())).await.body });
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert!(!connection.is_finished());
    end();
    let why = connection.await.unwrap();
    (began.elapsed(), why)
}

#[tokio::test(start_paused = true)]
async fn they_end_within_a_second_of_a_revocation() {
    let is_revoked = Arc::new(AtomicBool::new(false));
    let revoke = Arc::clone(&is_revoked);
    let (open, why) =
        open_connection(is_revoked, TurnedClock::new(), || revoke.store(true, Ordering::SeqCst)).await;
    assert_eq!(why, format!("{:?}", BadToken::Revoked));
    assert!(open < Duration::from_millis(4_600), "{open:?}, of which one second is the second question's");
}

#[tokio::test(start_paused = true)]
async fn they_end_when_the_token_expires() {
    let clock = TurnedClock::new();
    let turned = Arc::clone(&clock);
    let (open, why) = open_connection(Arc::default(), clock, || turned.advance(15 * 60 * 1_000)).await;
    assert!(why.contains("Claims"), "{why}");
    assert!(open < Duration::from_millis(4_600), "{open:?}");
}
