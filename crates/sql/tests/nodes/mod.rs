//! Two nodes on one database, of either engine.

use std::{any::Any, sync::Arc};

use vestibule_core::ports::store::Store;
use vestibule_sql::{SqliteOptions, SqliteStore};
use vestibule_testkit::TestApp;

/// Two nodes on one database.
pub(crate) struct Nodes {
    pub(crate) here: TestApp,
    pub(crate) there: TestApp,
    /// The database, which goes when this is dropped.
    _ground: Box<dyn Any + Send>,
}

impl Nodes {
    async fn start(here: Arc<dyn Store>, there: Arc<dyn Store>, ground: Box<dyn Any + Send>) -> Self {
        let here = TestApp::builder().store(here).start().await;
        let secret = here.secret().clone();
        let there = TestApp::builder().store(there).secret(secret, Vec::new()).start().await;
        Self { here, there, _ground: ground }
    }

    pub(crate) async fn on_sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let open = || {
            let options = SqliteOptions::beside(folder.path().join("vestibule.db"));
            tokio::task::spawn_blocking(|| SqliteStore::open(options))
        };
        let (here, there) = (open().await.unwrap().unwrap(), open().await.unwrap().unwrap());
        Self::start(here, there, Box::new(folder)).await
    }

    #[cfg(all(unix, feature = "postgres"))]
    pub(crate) async fn on_postgres() -> Self {
        use vestibule_sql::{PostgresOptions, PostgresStore};

        let database = vestibule_testkit::servers::PostgresServer::shared().fresh_database();
        let open = || PostgresStore::open(PostgresOptions::parse(&database.url()).unwrap());
        let (here, there) = (open().await.unwrap(), open().await.unwrap());
        Self::start(here, there, Box::new(database)).await
    }
}
