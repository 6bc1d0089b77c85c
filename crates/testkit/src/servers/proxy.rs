//! A proxy that spoils connections.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    runtime::{Builder, Runtime},
    sync::watch,
    time,
};

use super::programs;

/// What a [`Proxy`] does with connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Traffic {
    /// Passes everything on.
    Pass,
    /// Passes everything on, each piece so much later, both ways.
    Delay(Duration),
    /// Takes connections, keeps those there are, and passes nothing: a network that lost its way. What was sent
    /// meanwhile arrives afterwards, as a network that sends again would have it; [`Proxy::cut`] loses it.
    BlackHole,
    /// Passes so many bytes of the server's on each connection, and then nothing: it fell silent in the middle.
    SilentAfter(usize),
    /// Takes no connections and has cut those there were: a server that is down.
    Refuse,
}

#[derive(Clone, Copy, Debug)]
struct State {
    traffic: Traffic,
    /// How often everything was cut; a connection ends when it changes.
    cuts: usize,
}

/// A TCP proxy on a free loopback port, switched while it runs. It has a thread of its own, so that a test that blocks
/// does not block it. Dropped, it cuts everything.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    state: watch::Sender<State>,
    connections: Arc<AtomicUsize>,
    /// Always there, but for the drop.
    runtime: Option<Runtime>,
}

impl Proxy {
    /// Starts one before `target` that passes everything on.
    #[must_use]
    pub fn start(target: SocketAddr) -> Self {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a thread");
        let address = programs::free_address();
        let listener = std::net::TcpListener::bind(address).expect("a free port");
        listener.set_nonblocking(true).expect("a socket");
        let (state, changes) = watch::channel(State { traffic: Traffic::Pass, cuts: 0 });
        let connections = Arc::default();
        let gate = Gate { target, changes, connections: Arc::clone(&connections) };
        runtime.spawn(async move {
            let listener = TcpListener::from_std(listener).expect("a socket");
            gate.serve(address, listener).await.expect("the port is still free");
        });
        Self { address, state, connections, runtime: Some(runtime) }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Switches what happens to connections, those there are included.
    pub fn set(&self, traffic: Traffic) {
        self.state.send_modify(|state| {
            state.traffic = traffic;
            state.cuts += usize::from(traffic == Traffic::Refuse);
        });
    }

    /// Cuts the connections there are; new ones are welcome.
    pub fn cut(&self) {
        self.state.send_modify(|state| state.cuts += 1);
    }

    /// How many connections there are.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // An asynchronous test may not wait here.
            runtime.shutdown_background();
        }
    }
}

/// What every connection must know.
#[derive(Clone)]
struct Gate {
    target: SocketAddr,
    changes: watch::Receiver<State>,
    connections: Arc<AtomicUsize>,
}

impl Gate {
    /// Takes connections while they are not refused.
    async fn serve(mut self, address: SocketAddr, mut listener: TcpListener) -> io::Result<()> {
        loop {
            let mut elsewhere = self.clone();
            tokio::select! {
                accepted = listener.accept() => {
                    let (client, _) = accepted?;
                    tokio::spawn(self.clone().connect(client));
                }
                () = elsewhere.wait_until(|state| state.traffic == Traffic::Refuse) => {
                    drop(listener);
                    self.wait_until(|state| state.traffic != Traffic::Refuse).await;
                    listener = TcpListener::bind(address).await?;
                }
            }
        }
    }

    /// One connection, until either side ends it or it is cut.
    async fn connect(mut self, client: TcpStream) {
        let _counted = Counted::new(&self.connections);
        let cuts = self.changes.borrow_and_update().cuts;
        let mut elsewhere = self.clone();
        tokio::select! {
            () = elsewhere.wait_until(|state| state.cuts != cuts) => {}
            // Either side may hang up whenever it likes.
            _ = self.relay(client) => {}
        }
    }

    async fn relay(&mut self, client: TcpStream) -> io::Result<()> {
        self.wait_for_passage().await;
        let server = TcpStream::connect(self.target).await?;
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        let there = self.clone().pass(from_client, to_server, false);
        let back = self.clone().pass(from_server, to_client, true);
        tokio::try_join!(there, back).map(|_| ())
    }

    async fn pass(
        mut self,
        mut from: tokio::net::tcp::OwnedReadHalf,
        mut to: tokio::net::tcp::OwnedWriteHalf,
        is_answer: bool,
    ) -> io::Result<()> {
        let mut buffer = vec![0; 16 * 1024];
        let mut answered = 0;
        loop {
            let length = from.read(&mut buffer).await?;
            self.wait_for_passage().await;
            answered += if is_answer { length } else { 0 };
            let is_too_much = |traffic| matches!(traffic, Traffic::SilentAfter(most) if answered > most);
            self.wait_until(|state| !is_too_much(state.traffic)).await;
            if length == 0 {
                return to.shutdown().await;
            }
            to.write_all(buffer.get(..length).unwrap_or_default()).await?;
        }
    }

    /// Waits as long as nothing passes, or as long as it takes.
    async fn wait_for_passage(&mut self) {
        self.wait_until(|state| state.traffic != Traffic::BlackHole).await;
        let traffic = self.changes.borrow().traffic;
        if let Traffic::Delay(delay) = traffic {
            time::sleep(delay).await;
        }
    }

    async fn wait_until(&mut self, is_so: impl Fn(&State) -> bool) {
        // The sender goes with the proxy, and so does the runtime of this task.
        let _ = self.changes.wait_for(is_so).await;
    }
}

/// One more connection, until it is dropped.
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(connections: &Arc<AtomicUsize>) -> Self {
        connections.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(connections))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
