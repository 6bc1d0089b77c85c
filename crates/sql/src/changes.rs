//! Stamps: how a node notices that others changed what it keeps in memory.
//!
//! Whoever revokes a session, sets a cut-off or changes the keys raises a stamp in the same transaction. The sum of the
//! stamps therefore differs from an earlier sum exactly where something was committed in between, whatever the clocks
//! say and however long a transaction took.

use vestibule_core::{ports::store::StoreError, values::secret::random_bytes};

use crate::{
    failure::broken,
    statement::statements,
    tx::{Tx, row},
};

/// How many stamps there are; the migration that made them says so, too.
const SHARDS: u8 = 16;

row! { StampRow { version: i64 } }

statements! {
    RAISE_STAMP: () = "UPDATE change_stamp SET version = version + 1 WHERE shard = $1";
    SUM_STAMPS: StampRow = "SELECT CAST(COALESCE(SUM(version), 0) AS BIGINT) AS version FROM change_stamp";
}

/// Tells the other nodes to look again. Last in its body: the row stays locked until the transaction has committed.
pub(crate) async fn announce<T: Tx>(tx: &mut T) -> Result<(), StoreError> {
    let [random] = random_bytes::<1>();
    let raised = tx.exec(&RAISE_STAMP, &[i64::from(random % SHARDS).into()]).await?;
    tx.will_be_told();
    if raised == 1 { Ok(()) } else { Err(broken("a stamp of changes is missing")) }
}

/// A number that is another one after every announced change.
#[cfg_attr(
    not(feature = "postgres"),
    expect(dead_code, reason = "SQLite tells by itself what others changed")
)]
pub(crate) async fn sum_stamps<T: Tx>(tx: &mut T) -> Result<i64, StoreError> {
    let row = tx.opt(&SUM_STAMPS, &[]).await?;
    row.map(|row| row.version).ok_or_else(|| broken("a sum has no answer"))
}
