//! The three ways to open a [`Vestibule`](super::Vestibule): in a folder, in memory, over a store of the application's own.

#[cfg(feature = "sqlite")]
use std::path::Path;
use std::{io, sync::Arc};

use vestibule_axum::{policy::HttpPolicy, same_origin::Origin, state::AuthState};
use vestibule_core::{
    Auth,
    ports::{PasswordHasher, Store},
    values::secret::SecretKey,
};
use vestibule_hashing::HashingPool;
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
        self.start(move || {
            let database = folder.join(DATABASE_FILE);
            let secret = obtain_secret_key(&folder, &database)?;
            Ok((secret, SqliteStore::open(SqliteOptions::serve(database))?))
        })
        .await
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
        self.start(|| Ok((SecretKey::generate(), SqliteStore::in_memory()?))).await
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
    /// // A store on PostgreSQL (feature `postgres`), or any other that implements the port.
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
        self.start(move || Ok((secret, store))).await
    }

    async fn start(
        self,
        lay: impl FnOnce() -> Result<Foundation, QuickStartError> + Send + 'static,
    ) -> Result<Vestibule, QuickStartError> {
        let origin: Origin = Origin::of_url(&self.public_url)?;
        if self.hashing.danger_allow_weak_parameters && !origin.is_plain_loopback() {
            return Err(QuickStartError::HashingForTests);
        }
        let (hashing, own_hasher) = (self.hashing, self.hasher);
        let foundation = tokio::task::spawn_blocking(move || {
            let (secret, store) = lay()?;
            let hasher = match own_hasher {
                Some(hasher) => hasher,
                None => Arc::new(HashingPool::start(hashing)?) as Arc<dyn PasswordHasher>,
            };
            Ok::<_, QuickStartError>((secret, store, hasher))
        });
        let (secret, store, hasher) =
            foundation.await.map_err(|error| QuickStartError::Task(io::Error::other(error)))??;

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
