//! The client.

use std::{path::PathBuf, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, header};
use reqwest::{Client, RequestBuilder, redirect, retry};
use serde::Serialize;
use tokio::sync::OnceCell;

use crate::{
    answer,
    destination::{Destination, DestinationError},
    error::EgressError,
    guard::Guard,
    resolver::{Guarded, Resolver, SystemResolver},
    trust,
};

/// Connections to a host that are kept for the next request, and for how long.
const IDLE_PER_HOST: usize = 2;
const IDLE_FOR: Duration = Duration::from_secs(30);
const USER_AGENT: &str = concat!("vestibule/", env!("CARGO_PKG_VERSION"));

/// How requests are made.
#[derive(Clone, Debug)]
pub struct EgressOptions {
    /// Who may be asked.
    pub guard: Guard,
    /// A PEM file of authorities instead of those that the machine trusts.
    pub ca_file: Option<PathBuf>,
    /// How long a name may take to be resolved, and a connection to be made, TLS included.
    pub connect_timeout: Duration,
}

impl Default for EgressOptions {
    fn default() -> Self {
        Self { guard: Guard::default(), ca_file: None, connect_timeout: Duration::from_secs(5) }
    }
}

/// Asks others over HTTP, and nobody who must not be asked.
///
/// An answer is whatever a server says, also a redirect, which is not followed: look at the status.
#[derive(Debug)]
pub struct Egress {
    options: EgressOptions,
    resolver: Arc<dyn Resolver>,
    encrypted: OnceCell<Client>,
    plain: OnceCell<Client>,
}

impl Egress {
    /// Makes nothing yet: what a request needs is made by the first one.
    #[must_use]
    pub fn new(options: EgressOptions) -> Self {
        Self::with_resolver(options, Arc::new(SystemResolver::default()))
    }

    /// As [`Self::new`], with names resolved by somebody else. Its answers are checked like any.
    #[must_use]
    pub fn with_resolver(options: EgressOptions, resolver: Arc<dyn Resolver>) -> Self {
        Self { options, resolver, encrypted: OnceCell::new(), plain: OnceCell::new() }
    }

    /// Looks for mistakes that the first request would find: the file of authorities.
    ///
    /// # Errors
    /// [`EgressError::Unable`].
    pub fn check(&self) -> Result<(), EgressError> {
        self.options.ca_file.as_deref().map_or(Ok(()), |path| trust::read_authorities(path).map(|_| ()))
    }

    /// Checks a URL.
    ///
    /// # Errors
    /// [`DestinationError`]. A name is checked at each request, when it is resolved.
    pub fn destination(&self, url: &str) -> Result<Destination, DestinationError> {
        Destination::parse(url, &self.options.guard)
    }

    /// `GET`.
    ///
    /// # Errors
    /// [`EgressError`]
    pub async fn get(
        &self,
        destination: &Destination,
        headers: HeaderMap,
    ) -> Result<Response<Bytes>, EgressError> {
        let client = self.client(destination).await?;
        send(client.get(destination.url.clone()).headers(headers), destination).await
    }

    /// `POST` with a body; its `Content-Type` is among the headers.
    ///
    /// # Errors
    /// [`EgressError`]
    pub async fn post(
        &self,
        destination: &Destination,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Response<Bytes>, EgressError> {
        let client = self.client(destination).await?;
        send(client.post(destination.url.clone()).headers(headers).body(body), destination).await
    }

    /// `POST` of a form.
    ///
    /// # Errors
    /// [`EgressError`]
    pub async fn post_form<T: Serialize + Sync + ?Sized>(
        &self,
        destination: &Destination,
        fields: &T,
    ) -> Result<Response<Bytes>, EgressError> {
        let client = self.client(destination).await?;
        send(client.post(destination.url.clone()).form(fields), destination).await
    }

    /// The client for a destination, whose address, if it is written as one, has been checked.
    async fn client(&self, destination: &Destination) -> Result<&Client, EgressError> {
        // Once more: it may be the destination of somebody who is allowed more.
        destination
            .check_address(&self.options.guard)
            .map_err(|forbidden| EgressError::Forbidden { host: destination.host().to_owned(), forbidden })?;
        let is_plain = destination.is_plain();
        let client = if is_plain { &self.plain } else { &self.encrypted };
        client
            .get_or_try_init(|| async {
                let (options, resolver) = (self.options.clone(), Arc::clone(&self.resolver));
                // It reads files.
                let made = tokio::task::spawn_blocking(move || make_client(options, resolver, is_plain));
                made.await.map_err(|error| EgressError::unable(&error))?
            })
            .await
    }
}

fn make_client(
    options: EgressOptions,
    resolver: Arc<dyn Resolver>,
    is_plain: bool,
) -> Result<Client, EgressError> {
    let tls = if is_plain { trust::nobody()? } else { trust::tls(options.ca_file.as_deref())? };
    Client::builder()
        .tls_backend_preconfigured(tls)
        .https_only(!is_plain)
        .dns_resolver(Guarded { resolver, guard: options.guard, is_plain })
        // A proxy would resolve names by itself.
        .no_proxy()
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .referer(false)
        .user_agent(HeaderValue::from_static(USER_AGENT))
        .default_headers(
            [(header::ACCEPT, HeaderValue::from_static("application/json"))].into_iter().collect(),
        )
        .connect_timeout(options.connect_timeout)
        .pool_max_idle_per_host(IDLE_PER_HOST)
        .pool_idle_timeout(IDLE_FOR)
        .build()
        .map_err(|error| EgressError::unable(&error))
}

async fn send(request: RequestBuilder, destination: &Destination) -> Result<Response<Bytes>, EgressError> {
    let response = request.timeout(destination.timeout).send().await;
    let response = response.map_err(|error| EgressError::of_client(error, destination.host()))?;
    answer::read(response, destination).await
}
