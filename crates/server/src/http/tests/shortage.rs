//! What happens when the system has no more files to give.

use std::{
    io::{self, Write},
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use metrics_exporter_prometheus::PrometheusBuilder;
use tokio::{
    net::{TcpListener, TcpStream},
    time::sleep,
};
use tracing::{Dispatch, subscriber::DefaultGuard};

use super::super::{
    accept::{Source, Trouble, accept},
    open_files,
};

/// What was logged at the level of warnings.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// A second dispatcher stands beside it, because with only one `tracing` lets whichever thread comes first decide
    /// whether a place in the code logs at all.
    fn collect(&self) -> (DefaultGuard, Dispatch) {
        let log = self.clone();
        let bystander = Dispatch::new(tracing_subscriber::fmt().with_writer(io::sink).finish());
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::WARN)
            .with_writer(move || log.clone())
            .finish();
        (tracing::subscriber::set_default(subscriber), bystander)
    }

    fn warnings(&self) -> usize {
        String::from_utf8_lossy(&self.0.lock().unwrap()).lines().count()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Fails some times before it accepts.
struct Failing(TcpListener, Mutex<u32>);

impl Source for Failing {
    async fn next(&self) -> io::Result<(TcpStream, SocketAddr)> {
        {
            let mut failures = self.1.lock().unwrap();
            if *failures > 0 {
                *failures -= 1;
                // EMFILE
                return Err(io::Error::from_raw_os_error(24));
            }
        }
        self.0.accept().await
    }
}

#[tokio::test(start_paused = true)]
async fn an_episode_without_files_is_counted_and_warned_of_once() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let _recorded = metrics::set_default_local_recorder(&recorder);
    let log = Log::default();
    let _logged = log.collect();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let source = Failing(listener, Mutex::new(0));
    let mut trouble = Trouble::default();
    // A connection that closes makes room for one: accepting now and then does not end the episode.
    for (pause, warnings) in [(0, 1), (1, 1), (20, 1), (600, 2)] {
        sleep(Duration::from_secs(pause)).await;
        *source.1.lock().unwrap() = 50;
        let _peer = TcpStream::connect(address).await.unwrap();
        accept(&source, &mut trouble).await;
        assert_eq!(log.warnings(), warnings, "after {pause} s");
    }
    let counted = recorder.handle().render();
    assert!(counted.contains("vestibule_accept_errors_total 200"), "{counted}");
}

#[test]
fn the_limit_of_open_files_is_raised_and_too_low_a_one_warned_of() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let hard = maximum.unwrap();
    // The other tests of this process need few.
    setrlimit(Resource::Nofile, Rlimit { current: Some(hard - 1), maximum }).unwrap();
    let log = Log::default();
    let _logged = log.collect();
    open_files::make_room(usize::try_from(hard).unwrap() - 100);
    assert_eq!(getrlimit(Resource::Nofile).current, maximum);
    assert_eq!(log.warnings(), 0);
    open_files::make_room(usize::try_from(hard).unwrap() - 99);
    assert_eq!(log.warnings(), 1);
}
