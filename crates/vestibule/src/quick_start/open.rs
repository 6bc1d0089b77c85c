//! The ways to open a [`Vestibule`](super::Vestibule): in a folder, in memory, on PostgreSQL, over a store of the
//! application's own.

#[cfg(feature = "sqlite")]
use std::path::Path;
use std::{io, sync::Arc};

use vestibule_axum::{policy::HttpPolicy, same_origin::Origin, state::AuthState};
use vestibule_core::{Auth, ports::Store, values::secret::SecretKey};
use vestibule_hashing::HashingPool;
#[cfg(feature = "postgres")]
use vestibule_sql::{PostgresOptions, PostgresStore};
#[cfg(feature = "sqlite")]
use vestibule_sql::{SqliteOptions, SqliteStore, sqlite::DATABASE_FILE};

use super::{QuickStartError, Vestibule, VestibuleBuilder};
#[cfg(feature = "sqlite")]
use crate::secret_file::obtain_secret_key;

/// What an engine stands on.
type Foundation = (SecretKey, Arc<dyn Store>);

impl VestibuleBuilder {
    /// Opens the database in `folder`, made where there is none, and starts the background work.
    ///
    /// # Errors
    /// [`QuickStartError`].
    #[cfg(feature = "sqlite")]
    pub async fn open(self, folder: impl AsRef<Path>) -> Result<Vestibule, QuickStartError> {
        let folder = folder.as_ref().to_owned();
        let laid = in_background(move || {
            let database = folder.join(DATABASE_FILE);
            let secret = obtain_secret_key(&folder, &database)?;
            let store = SqliteStore::open(SqliteOptions::serve(database))?;
            Ok((secret, store as Arc<dyn Store>))
        });
        self.start(laid).await
    }

    /// Opens a new database in memory, with a new secret: everything is gone when the process ends.
    ///
    /// It is the same SQLite with the same statements as on disk. Nothing is written: no database, no lock, no secret.
    ///
    /// ```
    /// use vestibule::Vestibule;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let vestibule = Vestibule::builder("http://127.0.0.1:3000").open_in_memory().await?;
    /// # vestibule.close().await;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`QuickStartError`].
    #[cfg(feature = "sqlite")]
    pub async fn open_in_memory(self) -> Result<Vestibule, QuickStartError> {
        let laid = in_background(|| {
            let store = SqliteStore::in_memory()?;
            Ok((SecretKey::generate(), store as Arc<dyn Store>))
        });
        self.start(laid).await
    }

    /// Opens a database of PostgreSQL 12 or newer, migrated where need be, for one process of the application or many:
    /// what one revokes the others refuse within a second.
    ///
    /// `url` is as the server's `database_url`: `postgres://user:password@host:5432/database`. Hosts that are not
    /// loopback are reached over TLS and verified in full, unless it says `sslmode=disable`. For another number of
    /// connections, other time-outs or a pooler, make a [`PostgresOptions`] and a [`PostgresStore`] and give that to
    /// [`open_with`](Self::open_with).
    ///
    /// Each process counts attempts for itself; together they count over Redis (`vestibule-redis`), given as
    /// [`engine`](Self::engine)`(|engine| engine.throttle(…))`.
    ///
    /// ```
    /// use vestibule::{QuickStartError, Vestibule, core::values::secret::SecretKey};
    ///
    /// async fn open() -> Result<Vestibule, Box<dyn std::error::Error>> {
    ///     // At least 32 bytes, the same in every process: `openssl rand -base64 32`.
    ///     let secret = SecretKey::parse(std::env::var("SECRET_KEY")?.as_bytes())?;
    ///     let url = std::env::var("DATABASE_URL")?;
    ///     Ok(Vestibule::builder("https://app.example").open_postgres(&url, secret).await?)
    /// }
    /// ```
    ///
    /// # Errors
    /// [`QuickStartError`].
    ///
    /// # Security
    /// Keep the secret apart from the data: whoever has both can make tokens. It must be the same at every start.
    #[cfg(feature = "postgres")]
    pub async fn open_postgres(self, url: &str, secret: SecretKey) -> Result<Vestibule, QuickStartError> {
        let options = PostgresOptions::parse(url)?;
        let laid = async { Ok((secret, PostgresStore::open(options).await? as Arc<dyn Store>)) };
        self.start(laid).await
    }

    /// Opens over a store of the application's own, with the secret that everything in it is derived from.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use vestibule::{
    ///     QuickStartError, Vestibule,
    ///     core::{ports::Store, values::secret::SecretKey},
    /// };
    ///
    /// // Anything that implements the port.
    /// async fn open(store: Arc<dyn Store>, secret: SecretKey) -> Result<Vestibule, QuickStartError> {
    ///     Vestibule::builder("https://app.example").open_with(store, secret).await
    /// }
    /// ```
    ///
    /// # Errors
    /// [`QuickStartError`].
    ///
    /// # Security
    /// Keep the secret apart from the data: whoever has both can make tokens. It must be the same at every start.
    pub async fn open_with(
        self,
        store: Arc<dyn Store>,
        secret: SecretKey,
    ) -> Result<Vestibule, QuickStartError> {
        self.start(async { Ok((secret, store)) }).await
    }

    async fn start(
        self,
        foundation: impl Future<Output = Result<Foundation, QuickStartError>> + Send,
    ) -> Result<Vestibule, QuickStartError> {
        let origin: Origin = Origin::of_url(&self.public_url)?;
        if !self.mount.is_sound() {
            return Err(QuickStartError::Prefix(self.mount.prefix));
        }
        if self.hashing.danger_allow_weak_parameters && !origin.is_plain_loopback() {
            return Err(QuickStartError::HashingForTests);
        }
        let (secret, store) = foundation.await?;
        let hasher = match self.hasher {
            Some(hasher) => hasher,
            None => in_background(move || Ok(Arc::new(HashingPool::start(self.hashing)?) as _)).await?,
        };

        let mut policy = self.policy;
        policy.tokens.issuer.clone_from(&self.public_url);
        policy.tokens.audience.clone_from(&self.public_url);
        policy.mail.public_url = format!("{}{}", self.public_url, self.mount.prefix);
        let engine = Auth::builder(Arc::clone(&store), hasher, secret).policy(policy);
        let auth = (self.change_engine)(engine).start().await?;

        let is_local = origin.is_plain_loopback();
        let mut http = if is_local { HttpPolicy::development(origin) } else { HttpPolicy::new(origin) };
        (self.change_http)(&mut http);
        let upkeep = self.has_background_work.then(|| Arc::new(auth.start_upkeep()));
        Ok(Vestibule { state: AuthState::new(auth, http), store, upkeep, mount: self.mount })
    }
}

/// Does what blocks where it keeps no request waiting.
async fn in_background<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, QuickStartError> + Send + 'static,
) -> Result<T, QuickStartError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| QuickStartError::Task(io::Error::other(error)))?
}
