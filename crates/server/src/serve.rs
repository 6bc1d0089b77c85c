//! `vestibule serve`: puts everything together, and takes it apart again.

use std::{net::SocketAddr, thread, time::Duration};

use tokio::{net::TcpListener, runtime, task::JoinHandle, time::sleep};
use vestibule::{
    core::{upkeep::Upkeep, values::secret::random_bytes},
    http::state::AuthState,
    sql::Role,
};

use crate::{
    app,
    banner::{self, Addresses},
    config::{Config, Server},
    dev_mail,
    failure::{Failure, Problem},
    http::{self, Bounds, Remaining, Stopper, open_files},
    mail, metrics, setup,
    signals::Signals,
    startup::{self, Foundation},
    telemetry,
};

/// How long audit events may take to be written at the end.
const AUDIT_PATIENCE: Duration = Duration::from_secs(2);

/// Runs the server until it is told to stop.
///
/// # Errors
/// Why it could not start, or that a second signal ended it at once.
pub fn run(config: &Config) -> Result<(), Failure> {
    telemetry::start(&config.log);
    gather_randomness();
    for Problem { sentence, help } in config.warnings() {
        tracing::warn!(help, "{sentence}");
    }
    let runtime = runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| startup::unexpected(&error))?;
    let outcome = runtime.block_on(serve(config));
    // What still runs now had its time.
    runtime.shutdown_background();
    outcome
}

/// The first randomness of a process takes tens of milliseconds; it is gathered while the rest starts.
fn gather_randomness() {
    // Where there is no thread for it, whoever needs it first waits for it.
    let _ = thread::Builder::new().name("randomness".into()).spawn(random_bytes::<1>);
}

async fn serve(config: &Config) -> Result<(), Failure> {
    let mut signals = Signals::listen()?;
    // The recorder comes first: what is counted before it is lost.
    let recorder = config.service.metrics_listen.map(|_| metrics::record()).transpose()?;
    // Where there is a database, it comes first: a second server of the same folder must hear of the folder, not of
    // the port. Where there is none, the port comes first: a start that fails must not leave one behind.
    let (foundation, listeners) = if config.service.database.may_exist() {
        let foundation = Foundation::lay(config, Role::Serve).await?;
        (foundation, Listeners::bind(config).await?)
    } else {
        let listeners = Listeners::bind(config).await?;
        (Foundation::lay(config, Role::Serve).await?, listeners)
    };
    let running = Running::start(config, foundation, listeners, recorder).await?;
    signals.next().await;
    tracing::info!("stopping: requests in flight are answered; a second signal ends at once");
    tokio::select! {
        () = running.drain(&config.server) => Ok(()),
        () = signals.next() => Err(Failure::failed(Problem::new("ended at once by a second signal"))),
    }
}

/// Where a server is reached, before anybody is answered.
struct Listeners {
    service: TcpListener,
    listen: SocketAddr,
    metrics: Option<(TcpListener, SocketAddr)>,
}

impl Listeners {
    async fn bind(config: &Config) -> Result<Self, Failure> {
        let (service, listen) = bind("listen", config.service.listen).await?;
        let metrics = match config.service.metrics_listen {
            Some(address) => Some(bind("metrics_listen", address).await?),
            None => None,
        };
        Ok(Self { service, listen, metrics })
    }
}

async fn bind(key: &str, address: SocketAddr) -> Result<(TcpListener, SocketAddr), Failure> {
    let listener = http::bind(key, address).await?;
    let bound = listener.local_addr().map_err(|error| startup::unexpected(&error))?;
    Ok((listener, bound))
}

/// A server at work.
struct Running {
    foundation: Foundation,
    upkeep: Upkeep,
    state: AuthState,
    stopper: Stopper,
    serving: JoinHandle<Remaining>,
}

impl Running {
    async fn start(
        config: &Config,
        foundation: Foundation,
        listeners: Listeners,
        recorder: Option<metrics::Recorder>,
    ) -> Result<Self, Failure> {
        let Listeners { service, listen, metrics } = listeners;
        let (stopper, stop) = Stopper::new();
        let bounds = bounds(&config.server);
        open_files::make_room(bounds.max_connections);
        let metrics = metrics.zip(recorder).map(|((listener, address), recorder)| {
            tokio::spawn(metrics::serve(listener, recorder, bounds, stop.clone()));
            address
        });
        let public_url = config.service.public_url(listen);
        let post = mail::post(config, &public_url)?;
        let auth = foundation.engine(config, &public_url, post.mailer).await?;
        startup::warn_of_other_algorithm(&auth, &config.tokens);
        let upkeep = auth.start_upkeep();
        let state = app::state(config, &public_url, auth)?;
        let inbox = post.inbox.as_ref().map(|_| format!("{public_url}{}", dev_mail::PATH));
        let beside = dev_mail::routes(config, &public_url, post.inbox);
        let serving = tokio::spawn(http::serve(service, app::router(&state, beside), bounds, stop));
        // Who asks meanwhile is answered: nobody waits for this write.
        let setup = setup::link(config, state.auth()).await;
        banner::announce(config, &Addresses { listen, metrics, setup, inbox, public_url });
        Ok(Self { foundation, upkeep, state, stopper, serving })
    }

    /// Lets load balancers notice, answers what is in flight, and closes the store.
    async fn drain(self, server: &Server) {
        self.state.begin_drain();
        sleep(server.drain_delay).await;
        self.stopper.stop();
        let is_done = match self.serving.await {
            Ok(remaining) => remaining.finish(server.shutdown_grace).await,
            Err(_) => false,
        };
        if !is_done {
            tracing::warn!("some requests were not answered within server.shutdown_grace and are cut");
        }
        self.upkeep.stop(AUDIT_PATIENCE).await;
        self.foundation.store.close().await;
        self.foundation.hashing.stop();
        tracing::info!("stopped");
    }
}

fn bounds(server: &Server) -> Bounds {
    Bounds {
        header_timeout: server.header_timeout,
        idle_timeout: server.idle_timeout,
        max_connections: server.max_connections,
    }
}
