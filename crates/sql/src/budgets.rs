//! How many statements an operation costs: counted, not timed.

use std::future::Future;

use rusqlite::Connection;
use vestibule_core::{
    ports::store::{Opening, Progress, Rotation, SessionOpening, StoreError},
    values::{session::NewSession, username::LoginName},
};
use vestibule_testkit::contract::samples::{at, new_account, new_session, opening, rotation};

use crate::{
    accounts,
    changes::{self, Stamp},
    revocation, rotation as rotating, sessions,
    sqlite::{SqliteTx, run_now},
    statement::Statement,
    tx::{FromRow, Tx, Value, row},
};

/// A transaction that counts what it is asked.
struct Counting<T> {
    inner: T,
    statements: usize,
}

impl<T: Tx> Tx for Counting<T> {
    fn exec(
        &mut self,
        statement: &'static Statement<()>,
        params: &[Value<'_>],
    ) -> impl Future<Output = Result<u64, StoreError>> + Send {
        self.statements += 1;
        self.inner.exec(statement, params)
    }

    fn opt<R: FromRow>(
        &mut self,
        statement: &'static Statement<R>,
        params: &[Value<'_>],
    ) -> impl Future<Output = Result<Option<R>, StoreError>> + Send {
        self.statements += 1;
        self.inner.opt(statement, params)
    }

    fn all<R: FromRow>(
        &mut self,
        statement: &'static Statement<R>,
        params: &[Value<'_>],
    ) -> impl Future<Output = Result<Vec<R>, StoreError>> + Send {
        self.statements += 1;
        self.inner.all(statement, params)
    }
}

/// Runs a body and says how many statements it took.
macro_rules! cost {
    ($tx:ident, $body:expr) => {{
        let before = $tx.statements;
        let answer = run_now($body).unwrap();
        (answer, $tx.statements - before)
    }};
}

#[test]
fn no_login_costs_more_than_four_statements_and_a_refresh_one() {
    let mut connection = Connection::open_in_memory().unwrap();
    crate::migration::runner().run(&mut connection).unwrap();
    let mut tx = Counting { inner: SqliteTx::new(&mut connection), statements: 0 };

    let account = new_account("ada");
    let first = new_session(account.id, at(1));
    let (_, registration) = cost!(tx, accounts::insert_account(&mut tx, &account, Some(&first)));
    assert_eq!(registration, 3);
    let (_, own_account) = cost!(tx, accounts::find_account(&mut tx, account.id));
    assert_eq!(own_account, 1);
    let (_, look_up) = cost!(tx, accounts::find_credentials(&mut tx, &LoginName::read("ada")));
    assert_eq!(look_up, 1);

    let login = opening(new_session(account.id, at(2)));
    let (opened, plain) = cost!(tx, sessions::open_session(&mut tx, &login));
    assert!(matches!(opened, Opening::Opened { ended, .. } if ended.is_empty()));
    assert_eq!(look_up + plain, 3);

    let next = NewSession { replaces: Some(login.session.id), ..new_session(account.id, at(3)) };
    let (opened, replacing) = cost!(tx, sessions::open_session(&mut tx, &opening(next.clone())));
    assert!(matches!(opened, Opening::Opened { ended, .. } if ended.len() == 1));
    assert_eq!(look_up + replacing, 4, "the others are told");
    let last = NewSession { replaces: Some(next.id), ..new_session(account.id, at(4)) };
    let crowding = SessionOpening { limit: 1, ..opening(last.clone()) };
    let (opened, crowding) = cost!(tx, sessions::open_session(&mut tx, &crowding));
    assert!(matches!(opened, Opening::Opened { ended, .. } if ended.len() == 2));
    assert_eq!(look_up + crowding, 4, "however many end");

    let (rotated, refresh) = cost!(tx, rotating::swap_generation(&mut tx, &rotation(last.id, 0, at(5))));
    assert!(rotated.is_some());
    assert_eq!(refresh, 1);
    let again = rotation(last.id, 0, at(6));
    assert_eq!(cost!(tx, rotating::swap_generation(&mut tx, &again)), (None, 1));
    let (repeated, explanation) = cost!(tx, rotating::explain_refusal(&mut tx, &again));
    assert!(matches!(repeated, Rotation::Repeated(_)));
    assert_eq!(explanation, 1);
}

#[test]
fn a_look_costs_one_statement_for_each_stamp_that_was_raised() {
    let mut connection = Connection::open_in_memory().unwrap();
    crate::migration::runner().run(&mut connection).unwrap();
    let mut tx = Counting { inner: SqliteTx::new(&mut connection), statements: 0 };
    let account = new_account("ada");
    let session = new_session(account.id, at(1));
    run_now(accounts::insert_account(&mut tx, &account, Some(&session))).unwrap();
    let read = |tx: &mut Counting<SqliteTx<'_>>, after: &Progress| {
        let (page, cost) = cost!(tx, revocation::list_revocations(tx, after, at(9)));
        assert!(page.is_all);
        (page, cost)
    };
    let (beginning, _) = read(&mut tx, &Progress::default());
    run_now(sessions::revoke_session(&mut tx, session.id, None, at(2))).unwrap();
    let (page, looked) = read(&mut tx, &beginning.progress);
    assert_eq!(
        (page.sessions.len(), looked),
        (1, 3),
        "the stamps, the raised one's changes, everybody's cut-off"
    );
    let (page, looked) = read(&mut tx, &page.progress);
    assert_eq!((page.sessions.len(), looked), (0, 2));
}

row! { GivenRow { change_number: i64 } }
static GIVEN: Statement<GivenRow> = Statement::new("GIVEN", "SELECT change_number FROM session");

/// Two transactions that gave the same number away: the later one's revocation gets the number it was committed with.
#[test]
fn who_raises_a_stamp_late_gets_a_later_number() {
    let mut connection = Connection::open_in_memory().unwrap();
    crate::migration::runner().run(&mut connection).unwrap();
    let mut tx = SqliteTx::new(&mut connection);
    let account = new_account("ada");
    let session = new_session(account.id, at(1));
    run_now(accounts::insert_account(&mut tx, &account, Some(&session))).unwrap();
    run_now(sessions::revoke_session(&mut tx, session.id, None, at(2))).unwrap();
    let beginning = run_now(revocation::list_revocations(&mut tx, &Progress::default(), at(9))).unwrap();
    for shard in 0..changes::SHARDS {
        // What it gave away is what somebody else has been given, and read, in the meantime.
        let given = run_now(tx.opt(&GIVEN, &[])).unwrap().unwrap().change_number;
        run_now(changes::announce(&mut tx, Stamp::of(shard), &[given])).unwrap();
        let page = run_now(revocation::list_revocations(&mut tx, &beginning.progress, at(9))).unwrap();
        assert_eq!(page.sessions.len(), 1, "{shard}");
    }
}
