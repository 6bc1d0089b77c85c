//! Doing the same thing on many connections or tasks at once, and counting.

use std::{net::SocketAddr, time::Duration};

use anyhow::bail;
use tokio::task::JoinSet;
use vestibule::core::ports::Stopwatch;

use super::client::Connection;

/// Something that is done again and again by one task.
pub(super) trait Work: Send + 'static {
    /// Does it once.
    fn once(&mut self) -> impl Future<Output = anyhow::Result<()>> + Send;
}

/// Lets every worker work for `span`, after one turn each that does not count, and returns how often a second work was
/// done, together with the workers, which keep their connections for the next round.
pub(super) async fn rate<W: Work>(workers: Vec<W>, span: Duration) -> anyhow::Result<(f64, Vec<W>)> {
    let warm = warm_up(workers).await?;
    let clock = Stopwatch::start();
    let mut running = JoinSet::new();
    for mut worker in warm {
        running.spawn(async move {
            let mut done = 0_u32;
            while clock.elapsed() < span {
                worker.once().await?;
                done += 1;
            }
            anyhow::Ok((done, worker))
        });
    }
    let finished = running.join_all().await.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
    let elapsed = clock.elapsed().as_secs_f64();
    let done: f64 = finished.iter().map(|(done, _)| f64::from(*done)).sum();
    Ok((done / elapsed, finished.into_iter().map(|(_, worker)| worker).collect()))
}

/// Lets every worker take some turns, after one each that does not count, and returns how many microseconds a turn of
/// them all together took, together with the workers.
pub(super) async fn micros<W: Work>(workers: Vec<W>, turns: u32) -> anyhow::Result<(f64, Vec<W>)> {
    let all = f64::from(turns) * f64::from(u32::try_from(workers.len())?);
    let warm = warm_up(workers).await?;
    let clock = Stopwatch::start();
    let mut running = JoinSet::new();
    for mut worker in warm {
        running.spawn(async move {
            for _ in 0..turns {
                worker.once().await?;
            }
            anyhow::Ok(worker)
        });
    }
    let workers = running.join_all().await.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
    Ok((clock.elapsed().as_secs_f64() * 1_000_000.0 / all, workers))
}

async fn warm_up<W: Work>(workers: Vec<W>) -> anyhow::Result<Vec<W>> {
    let mut warm = JoinSet::new();
    for mut worker in workers {
        warm.spawn(async move { worker.once().await.map(|()| worker) });
    }
    warm.join_all().await.into_iter().collect()
}

/// The same request again and again over one connection; every answer must be 200.
pub(super) struct Repeated {
    connection: Connection,
    request: Vec<u8>,
}

impl Repeated {
    /// Opens one connection a request.
    pub(super) async fn open(address: SocketAddr, requests: Vec<Vec<u8>>) -> anyhow::Result<Vec<Self>> {
        let mut workers = Vec::with_capacity(requests.len());
        for request in requests {
            workers.push(Self { connection: Connection::open(address).await?, request });
        }
        Ok(workers)
    }
}

impl Work for Repeated {
    async fn once(&mut self) -> anyhow::Result<()> {
        let answer = self.connection.exchange(&self.request).await?;
        expect_ok(answer.status, answer.body)
    }
}

/// Fails where an answer is not 200, and shows it.
pub(super) fn expect_ok(status: u16, body: &[u8]) -> anyhow::Result<()> {
    if status != 200 {
        bail!("answered {status}: {}", String::from_utf8_lossy(body));
    }
    Ok(())
}
