//! One connection over a pipe, on tokio's paused clock: there the moment of a time-out is an outcome.

use std::time::Duration;

use axum::{Router, extract::Path, routing::get};
use tokio::{
    io::{AsyncWriteExt as _, DuplexStream, duplex},
    time::{Instant, sleep},
};

use super::{
    super::{Bounds, Stopper, connection},
    LONG, read_answer, read_to_end,
};

const IDLE: Duration = Duration::from_secs(2);

/// `/{milliseconds}` answers after so long.
fn connect(bounds: Bounds) -> DuplexStream {
    let wait = |Path(milliseconds): Path<u64>| async move {
        sleep(Duration::from_millis(milliseconds)).await;
        "done"
    };
    let router = Router::new().route("/{milliseconds}", get(wait));
    let (peer, ours) = duplex(64 * 1024);
    tokio::spawn(async move {
        let (_stopper, stop) = Stopper::new();
        connection::serve(ours, ([127, 0, 0, 1], 1).into(), router, bounds, stop).await;
    });
    peer
}

async fn ask(peer: &mut DuplexStream, milliseconds: u64) {
    let head = format!("GET /{milliseconds} HTTP/1.1\r\nHost: x\r\n\r\n");
    peer.write_all(head.as_bytes()).await.unwrap();
}

/// How long until the other side closes, after so many more answers; tokio's timers may be a millisecond late.
async fn silence(peer: &mut DuplexStream, answers: usize) -> Duration {
    let begin = Instant::now();
    assert_eq!(read_to_end(peer).await.matches("done").count(), answers);
    let length = begin.elapsed();
    Duration::from_millis(u64::try_from(length.as_millis()).unwrap() / 10 * 10)
}

#[tokio::test(start_paused = true)]
async fn the_idle_time_out_runs_from_the_end_of_the_answer() {
    let bounds = Bounds { header_timeout: LONG, idle_timeout: IDLE, max_connections: 1 };
    assert_eq!(silence(&mut connect(bounds), 0).await, IDLE);
    for milliseconds in [0, 500, 1990, 2010, 3500, 4100, 60_000] {
        let mut peer = connect(bounds);
        for pause in [0, 500, 1900] {
            sleep(Duration::from_millis(pause)).await;
            ask(&mut peer, milliseconds).await;
            read_answer(&mut peer, "done").await;
        }
        assert_eq!(silence(&mut peer, 0).await, IDLE, "after an answer that took {milliseconds} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn the_header_time_out_ends_with_the_head() {
    let bounds = Bounds { header_timeout: IDLE, idle_timeout: IDLE * 5, max_connections: 1 };
    let mut peer = connect(bounds);
    let head = "GET /0 HTTP/1.1\r\nHost: x\r\n\r\n";
    peer.write_all(head.repeat(20).as_bytes()).await.unwrap();
    for _ in 0..3 {
        sleep(IDLE * 3).await;
        // The second head begins with the first, which takes longer to answer than a head may take.
        peer.write_all(b"GET /3000 HTTP/1.1\r\nHost: x\r\n\r\nGET /0 HT").await.unwrap();
        sleep(IDLE * 3).await;
        peer.write_all(b"TP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    }
    assert_eq!(silence(&mut peer, 26).await, IDLE * 5);
    let mut dribbling = connect(bounds);
    dribbling.write_all(b"GET").await.unwrap();
    sleep(IDLE / 2).await;
    dribbling.write_all(b" /0").await.unwrap();
    assert_eq!(silence(&mut dribbling, 0).await, IDLE / 2);
}
