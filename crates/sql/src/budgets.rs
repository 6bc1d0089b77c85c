//! How many statements an operation costs: counted, not timed.

use std::future::Future;

use rusqlite::Connection;
use vestibule_core::{
    ports::store::{Opening, Rotation, StoreError},
    values::{session::NewSession, username::LoginName},
};
use vestibule_testkit::contract::samples::{at, new_account, new_session, opening, rotation};

use crate::{
    accounts, rotation as rotating, sessions,
    sqlite::{SqliteTx, run_now},
    statement::Statement,
    tx::{FromRow, Tx, Value},
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

#[test]
fn a_login_costs_four_statements_and_a_refresh_one() {
    let mut connection = Connection::open_in_memory().unwrap();
    crate::migration::runner().run(&mut connection).unwrap();
    let mut tx = Counting { inner: SqliteTx::new(&mut connection), statements: 0 };
    let mut counted = 0;
    let mut cost = |tx: &Counting<SqliteTx<'_>>| {
        let cost = tx.statements - counted;
        counted = tx.statements;
        cost
    };

    let account = new_account("ada");
    let first = new_session(account.id, at(1));
    run_now(accounts::insert_account(&mut tx, &account, Some(&first))).unwrap();
    assert_eq!(cost(&tx), 2, "registration");

    run_now(accounts::find_account(&mut tx, account.id)).unwrap().unwrap();
    assert_eq!(cost(&tx), 1, "the own account");

    let login = opening(new_session(account.id, at(2)));
    run_now(accounts::find_credentials(&mut tx, &LoginName::read("ada"))).unwrap().unwrap();
    let opened = run_now(sessions::open_session(&mut tx, &login)).unwrap();
    assert!(matches!(opened, Opening::Opened { .. }));
    assert_eq!(cost(&tx), 4, "login");

    let next = NewSession { replaces: Some(login.session.id), ..new_session(account.id, at(3)) };
    run_now(sessions::open_session(&mut tx, &opening(next.clone()))).unwrap();
    assert_eq!(cost(&tx), 5, "login in place of an older session, which the others are told");

    let rotated = run_now(rotating::swap_generation(&mut tx, &rotation(next.id, 0, at(4)))).unwrap();
    assert!(rotated.is_some());
    assert_eq!(cost(&tx), 1, "refresh");
    let again = rotation(next.id, 0, at(5));
    assert_eq!(run_now(rotating::swap_generation(&mut tx, &again)).unwrap(), None);
    let repeated = run_now(rotating::explain_refusal(&mut tx, &again)).unwrap();
    assert!(matches!(repeated, Rotation::Repeated(_)));
    assert_eq!(cost(&tx), 2, "refresh within the grace");
}
