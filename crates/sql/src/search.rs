//! Accounts found by a part of their user name.
//!
//! Every end of a canonical user name is a row: `ada`, `da` and `a`. A substring of the name is what one of its ends begins
//! with, so that a search reads a range of one index, in its order, and never further than its bound: a text as common
//! as `a` costs what a rare one costs. Names have few symbols, so an account has few rows.

use vestibule_core::{
    ports::store::{AccountPage, AccountSearch, StoreError},
    values::account::{Account, AccountId},
};

use crate::{
    accounts::AccountRow,
    failure::broken,
    statement::{account_columns, statements},
    tx::{Tx, Value, row},
};

row! { CountRow { count: i64 } }
row! { NamedRow { id: AccountId, username_canonical: Option<String> } }

/// What is past everything that begins with a text: no name has this byte.
const BEYOND: u8 = 0xff;

/// The ends that begin with a text, as far as the bound. That of the whole name is the first of them.
macro_rules! matches_of {
    () => {
        "(SELECT username_part.account_id AS account_id FROM username_part \
         WHERE username_part.part >= $1 AND username_part.part < $2 \
         ORDER BY username_part.part, username_part.account_id LIMIT $3) AS matching"
    };
}

statements! {
    INSERT_PARTS_8: () =
        "INSERT INTO username_part (part, account_id) VALUES ($2, $1), ($3, $1), ($4, $1), ($5, $1), ($6, $1), \
         ($7, $1), ($8, $1), ($9, $1) ON CONFLICT DO NOTHING";
    INSERT_PARTS_20: () =
        "INSERT INTO username_part (part, account_id) VALUES ($2, $1), ($3, $1), ($4, $1), ($5, $1), ($6, $1), \
         ($7, $1), ($8, $1), ($9, $1), ($10, $1), ($11, $1), ($12, $1), ($13, $1), ($14, $1), ($15, $1), ($16, $1), \
         ($17, $1), ($18, $1), ($19, $1), ($20, $1), ($21, $1) ON CONFLICT DO NOTHING";
    DELETE_PARTS: () =
        "DELETE FROM username_part WHERE account_id = $1 AND part IN ($2, $3, $4, $5, $6, $7, $8, $9)";
    FIND_CANONICAL: NamedRow = "SELECT id, username_canonical FROM account WHERE id = $1";
    LIST_UNSEARCHABLE: NamedRow =
        "SELECT id, username_canonical FROM account WHERE is_searchable = 0 LIMIT $1";
    MARK_SEARCHABLE: () = "UPDATE account SET is_searchable = 1 WHERE id = $1";
    COUNT_MATCHES: CountRow = concat!("SELECT COUNT(DISTINCT account_id) AS count FROM ", matches_of!());
    // To PostgreSQL a limit that it does not know is a tenth of the table; the last one is written down for its sake.
    LIST_MATCHES: AccountRow = concat!(
        "SELECT ", account_columns!(), " FROM account WHERE account.id IN (SELECT page.account_id FROM \
         (SELECT DISTINCT account_id FROM ", matches_of!(), " ORDER BY account_id LIMIT $4 OFFSET $5) AS page \
         LIMIT 100) ORDER BY account.id");
    COUNT_ACCOUNTS: CountRow =
        "SELECT COUNT(*) AS count FROM (SELECT listed.id FROM account AS listed ORDER BY listed.id LIMIT $1) AS bounded";
    // Only the ids of what is left out are read.
    LIST_ACCOUNTS: AccountRow = concat!(
        "SELECT ", account_columns!(), " FROM account WHERE account.id >= \
         (SELECT listed.id FROM account AS listed ORDER BY listed.id LIMIT 1 OFFSET $2) ORDER BY account.id LIMIT $1");
}

/// Accounts in the order they were made in.
pub(crate) async fn list_accounts<T: Tx>(
    tx: &mut T,
    skip: u32,
    limit: u32,
) -> Result<Vec<Account>, StoreError> {
    let params = [i64::from(limit).into(), i64::from(skip).into()];
    let rows = tx.all(&LIST_ACCOUNTS, &params).await?;
    rows.into_iter().map(AccountRow::into_account).collect()
}

/// Accounts whose user name contains a text.
pub(crate) async fn search_accounts<T: Tx>(
    tx: &mut T,
    search: &AccountSearch,
) -> Result<AccountPage, StoreError> {
    let bound = i64::from(search.bound).into();
    // What is left out and what is returned lies within the bound.
    let limit = search.limit.min(search.bound.saturating_sub(search.skip));
    if search.username.is_empty() {
        let total = count(tx.opt(&COUNT_ACCOUNTS, &[bound]).await?)?;
        return Ok(AccountPage { accounts: list_accounts(tx, search.skip, limit).await?, total });
    }
    let from = search.username.to_ascii_lowercase().into_bytes();
    let to = [from.as_slice(), &[BEYOND]].concat();
    let (from, to) = (Value::from(from.as_slice()), Value::from(to.as_slice()));
    let total = count(tx.opt(&COUNT_MATCHES, &[from, to, bound]).await?)?;
    let params = [from, to, bound, i64::from(limit).into(), i64::from(search.skip).into()];
    let rows = tx.all(&LIST_MATCHES, &params).await?;
    let accounts = rows.into_iter().map(AccountRow::into_account).collect::<Result<_, _>>()?;
    Ok(AccountPage { accounts, total })
}

fn count(row: Option<CountRow>) -> Result<u64, StoreError> {
    let count = row.ok_or_else(|| broken("a count has no answer"))?.count;
    u64::try_from(count).map_err(broken)
}

/// Makes a new user name findable.
pub(crate) async fn insert_parts<T: Tx>(
    tx: &mut T,
    id: AccountId,
    canonical: &str,
) -> Result<(), StoreError> {
    let parts = parts_of(canonical);
    let (statement, size) = if parts.len() > 8 { (&INSERT_PARTS_20, 20) } else { (&INSERT_PARTS_8, 8) };
    for some in parts.chunks(size) {
        tx.exec(statement, &filled(&id, some, size)).await?;
    }
    Ok(())
}

/// Makes a user name unfindable.
pub(crate) async fn delete_parts<T: Tx>(
    tx: &mut T,
    id: AccountId,
    canonical: &str,
) -> Result<(), StoreError> {
    for some in parts_of(canonical).chunks(8) {
        tx.exec(&DELETE_PARTS, &filled(&id, some, 8)).await?;
    }
    Ok(())
}

/// The canonical user name of an account that there is.
pub(crate) async fn find_canonical<T: Tx>(tx: &mut T, id: AccountId) -> Result<Option<String>, StoreError> {
    Ok(tx.opt(&FIND_CANONICAL, &[(&id).into()]).await?.and_then(|row| row.username_canonical))
}

/// Makes accounts findable that were made before there was a search, or by a node that knew of none.
pub(crate) async fn make_searchable<T: Tx>(tx: &mut T, limit: i64) -> Result<u64, StoreError> {
    let rows = tx.all(&LIST_UNSEARCHABLE, &[limit.into()]).await?;
    for row in &rows {
        if let Some(canonical) = &row.username_canonical {
            insert_parts(tx, row.id, canonical).await?;
        }
        tx.exec(&MARK_SEARCHABLE, &[(&row.id).into()]).await?;
    }
    Ok(rows.len() as u64)
}

/// The ends of a name, the name itself first. They are cut between bytes: canonical names are ASCII.
fn parts_of(canonical: &str) -> Vec<&[u8]> {
    let bytes = canonical.as_bytes();
    (0..bytes.len()).filter_map(|start| bytes.get(start..)).collect()
}

/// The parameters of a statement that takes `size` parts: the last one stands for those there are not.
fn filled<'a>(id: &'a AccountId, parts: &[&'a [u8]], size: usize) -> Vec<Value<'a>> {
    let last = parts.last().copied().unwrap_or_default();
    let parts = parts.iter().copied().chain(std::iter::repeat(last)).take(size);
    std::iter::once(id.into()).chain(parts.map(Value::from)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_of_a_name_are_its_parts() {
        assert_eq!(parts_of("ada"), [b"ada".as_slice(), b"da", b"a"]);
        assert!(parts_of("").is_empty());
    }
}
