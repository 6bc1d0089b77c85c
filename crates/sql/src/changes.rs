//! Stamps: how a node notices that others changed what it keeps in memory, and where it reads on.
//!
//! Whoever revokes a session, sets a cut-off or changes the keys raises a stamp in the same transaction, as its last
//! statement. The sum of the stamps therefore differs from an earlier sum exactly where something was committed in
//! between, whatever the clocks say and however long a transaction took.
//!
//! What was revoked carries the number that its stamp was raised to. A raised stamp stays locked until its transaction
//! has committed, so the numbers of one stamp are committed in their order: a node that has read everything up to a
//! stamp's number finds whatever comes later beyond it.

use vestibule_core::{ports::store::StoreError, values::secret::random_bytes};

use crate::{
    failure::broken,
    statement::statements,
    tx::{Tx, Value, row},
};

/// How many stamps there are; the migration that made them says so, too.
pub(crate) const SHARDS: u8 = 16;
/// What is to be done where there are fewer.
const MISSING: &str =
    "rows of the table change_stamp are missing, which vestibule never deletes: restore a backup";
/// How far the numbers of two stamps are apart; the migration that set them says so, too.
const APART: i64 = 1 << 48;

row! { StampRow { version: i64 } }

statements! {
    RAISE_STAMP: StampRow = "UPDATE change_stamp SET version = version + 1 WHERE shard = $1 RETURNING version";
    SUM_STAMPS: StampRow = "SELECT CAST(COALESCE(SUM(version), 0) AS BIGINT) AS version FROM change_stamp";
    LIST_STAMPS: StampRow = "SELECT version FROM change_stamp ORDER BY shard";
    RENUMBER_SESSIONS: () =
        "UPDATE session SET change_number = $2 WHERE change_number > 0 AND change_number = $1";
    RENUMBER_ACCOUNTS: () =
        "UPDATE account SET change_number = $2 WHERE change_number > 0 AND change_number = $1";
}

/// The stamp that a transaction is going to raise: one at random, so that many can at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stamp {
    shard: i64,
}

impl Stamp {
    pub(crate) fn draw() -> Self {
        let [random] = random_bytes::<1>();
        Self::of(random % SHARDS)
    }

    pub(crate) fn of(shard: u8) -> Self {
        Self { shard: i64::from(shard) }
    }

    /// The number before its first change.
    pub(crate) fn origin(self) -> i64 {
        self.shard * APART
    }
}

impl From<Stamp> for Value<'_> {
    fn from(stamp: Stamp) -> Self {
        stamp.shard.into()
    }
}

/// The number that the stamp `$shard` is raised to unless somebody else comes first, for what a statement revokes.
macro_rules! next_number {
    ($shard:literal) => {
        concat!("(SELECT change_stamp.version + 1 FROM change_stamp WHERE change_stamp.shard = ", $shard, ")")
    };
}
pub(crate) use next_number;

/// Tells the other nodes to look again. Last in its body: the row stays locked until the transaction has committed.
///
/// `numbers` are those that the transaction gave away; where another one raised the stamp in between, what carries them
/// gets the number that the stamp has now. That others with the same number get it, too, costs a node a read too many.
pub(crate) async fn announce<T: Tx>(tx: &mut T, stamp: Stamp, numbers: &[i64]) -> Result<(), StoreError> {
    let raised = tx.opt(&RAISE_STAMP, &[stamp.into()]).await?;
    let raised = raised.ok_or_else(|| broken(MISSING))?.version;
    tx.will_be_told();
    let mut last = raised;
    for number in numbers.iter().copied().filter(|number| *number != raised) {
        if number != last {
            tx.exec(&RENUMBER_SESSIONS, &[number.into(), raised.into()]).await?;
            tx.exec(&RENUMBER_ACCOUNTS, &[number.into(), raised.into()]).await?;
            last = number;
        }
    }
    Ok(())
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

/// The number of every stamp, in order.
pub(crate) async fn list_stamps<T: Tx>(tx: &mut T) -> Result<Vec<i64>, StoreError> {
    let rows = tx.all(&LIST_STAMPS, &[]).await?;
    if rows.len() != usize::from(SHARDS) {
        return Err(broken(MISSING));
    }
    Ok(rows.into_iter().map(|row| row.version).collect())
}
