//! What a refresh cannot do without, each part alone: an exchange of the same size with a bare route, a signature, and the
//! store's rotation. Done one after the other they are the limit of a refresh on this machine.

use std::sync::Arc;

use anyhow::Context;
use vestibule_token::{jws::Algorithm, signing::SigningKey};

use super::{
    CONNECTIONS,
    load::{Repeated, Work, rate},
    peer,
    process::Listening,
    rounds::Rounds,
    server::{self, refresh_request},
};

/// Both parts beside the rotation, ready to be measured.
pub(super) struct Parts {
    exchanges: Vec<Repeated>,
    signers: Vec<Signer>,
    peer: Listening,
}

/// Signs the claims of an access token.
struct Signer {
    key: Arc<SigningKey>,
    claims: Arc<[u8]>,
}

impl Work for Signer {
    async fn once(&mut self) -> anyhow::Result<()> {
        let _token = self.key.sign(&self.claims)?;
        // So that all take turns, as requests do.
        tokio::task::yield_now().await;
        Ok(())
    }
}

impl Parts {
    /// Looks at one refresh of the server, to be of its size.
    pub(super) async fn of(server: &Listening) -> anyhow::Result<Self> {
        let request = refresh_request(&server::log_in(server, 0).await?.refresh);
        let mut connection = super::client::Connection::open(server.address()).await?;
        let answer = connection.exchange(&request).await?;
        let access = server::tokens(answer.body)?.access;
        let peer = peer::start(answer.body.len()).await?;
        let exchanges = Repeated::open(peer.address(), vec![request; CONNECTIONS]).await?;
        let key = Arc::new(SigningKey::generate(Algorithm::EdDsa).context("no key")?);
        let claims = access.split('.').nth(1).context("the access token is none")?;
        let claims = vec![b'x'; claims.len() / 4 * 3].into();
        let signer = |_| Signer { key: Arc::clone(&key), claims: Arc::clone(&claims) };
        Ok(Self { exchanges, signers: (0..CONNECTIONS).map(signer).collect(), peer })
    }

    /// How many refreshes a second could be made of parts at these rates, where rotations are `rotations` a second.
    pub(super) async fn rate(&mut self, rounds: &Rounds, rotations: f64) -> anyhow::Result<f64> {
        let (exchanges, signatures);
        (exchanges, self.exchanges) = rate(std::mem::take(&mut self.exchanges), rounds.span).await?;
        (signatures, self.signers) = rate(std::mem::take(&mut self.signers), rounds.span).await?;
        println!(
            "  parts: {exchanges:.0} exchanges/s, {signatures:.0} signatures/s, {rotations:.0} rotations/s"
        );
        Ok(1.0 / (1.0 / exchanges + 1.0 / signatures + 1.0 / rotations))
    }

    /// Ends the peer.
    pub(super) async fn stop(self) -> anyhow::Result<()> {
        self.peer.stop().await
    }
}
