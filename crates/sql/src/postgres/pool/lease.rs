//! A connection on loan: gone back to the pool or closed, and whoever waits for one told of it.

use std::sync::Arc;

use deadpool::managed::Object;
use deadpool_postgres::ClientWrapper;
use tokio::sync::Notify;
use vestibule_core::ports::store::StoreError;

use super::Maker;
use crate::postgres::failure::{Remedy, remedy};

/// A connection of one's own for a while.
pub(in crate::postgres) struct Lease {
    client: Object<Maker>,
    /// Dropped after the connection has gone back.
    _returned: Returned,
}

/// Tells somebody who waits that a connection came back.
struct Returned(Arc<Notify>);

impl Drop for Returned {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

impl Lease {
    pub(super) fn new(client: Object<Maker>, returned: &Arc<Notify>) -> Self {
        Self { client, _returned: Returned(Arc::clone(returned)) }
    }

    pub(in crate::postgres) fn connection(&self) -> &ClientWrapper {
        &self.client
    }

    pub(in crate::postgres) fn connection_mut(&mut self) -> &mut ClientWrapper {
        &mut self.client
    }

    /// Returns the connection to the pool, or closes it where the outcome says that it is of no use.
    pub(in crate::postgres) fn give_back<R>(self, outcome: Result<R, StoreError>) -> Result<R, StoreError> {
        let is_sound =
            outcome.as_ref().err().is_none_or(|error| matches!(remedy(error), Remedy::None | Remedy::Again));
        if !is_sound {
            drop(Object::take(self.client));
        }
        outcome
    }
}
