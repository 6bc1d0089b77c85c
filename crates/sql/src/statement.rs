//! The registry of every SQL text: one list, so that one test can prepare them all on every engine.

use std::marker::PhantomData;
#[cfg(feature = "sqlite")]
use std::sync::OnceLock;

use crate::tx::{Column, FromRow};

/// A statement and the row it answers with.
#[derive(Debug)]
pub(crate) struct Statement<R> {
    name: &'static str,
    sql: &'static str,
    #[cfg(feature = "sqlite")]
    numbered: OnceLock<String>,
    row: PhantomData<fn() -> R>,
}

impl<R: FromRow> Statement<R> {
    pub(crate) const fn new(name: &'static str, sql: &'static str) -> Self {
        Self {
            name,
            sql,
            #[cfg(feature = "sqlite")]
            numbered: OnceLock::new(),
            row: PhantomData,
        }
    }

    /// What it is called in messages.
    #[cfg(feature = "postgres")]
    pub(crate) const fn name(&self) -> &'static str {
        self.name
    }

    /// The text to run as it is written here, which is how PostgreSQL takes it.
    #[cfg(feature = "postgres")]
    pub(crate) fn sql(&self) -> &'static str {
        self.trace();
        self.sql
    }

    /// The text to run with `?n` for `$n`: to SQLite `$2` is a *name*, numbered by its first appearance.
    #[cfg(feature = "sqlite")]
    pub(crate) fn numbered(&self) -> &str {
        self.trace();
        self.prepared()
    }

    #[cfg(feature = "sqlite")]
    fn prepared(&self) -> &str {
        self.numbered.get_or_init(|| self.sql.replace('$', "?"))
    }

    /// Says that a statement is run, and nothing of what is bound to it; tests count by it what a request costs.
    fn trace(&self) {
        tracing::trace!(target: "vestibule_sql::statement", name = self.name);
    }

    /// What the registry says of it.
    pub(crate) fn describe(&'static self) -> Description {
        Description {
            name: self.name,
            sql: self.sql,
            #[cfg(feature = "sqlite")]
            numbered: self.prepared(),
            columns: R::columns(),
        }
    }
}

/// A statement without its type.
#[derive(Debug)]
#[cfg_attr(not(test), expect(dead_code, reason = "the columns are read by the tests of the registry"))]
pub(crate) struct Description {
    pub(crate) name: &'static str,
    pub(crate) sql: &'static str,
    #[cfg(feature = "sqlite")]
    pub(crate) numbered: &'static str,
    pub(crate) columns: Vec<Column>,
}

/// Declares the statements of a topic and the function that lists them, so that none can be left out.
macro_rules! statements {
    ($($(#[$meta:meta])* $name:ident: $row:ty = $sql:expr;)+) => {
        $(
            $(#[$meta])*
            static $name: $crate::statement::Statement<$row> =
                $crate::statement::Statement::new(stringify!($name), $sql);
        )+

        /// Every statement of this topic.
        pub(crate) fn statements() -> Vec<$crate::statement::Description> {
            vec![$($name.describe()),+]
        }
    };
}
pub(crate) use statements;

/// Every statement there is.
pub(crate) fn registry() -> Vec<Description> {
    [
        crate::accounts::statements(),
        crate::administration::statements(),
        crate::audit::statements(),
        crate::avatars::statements(),
        crate::changes::statements(),
        crate::deletion::statements(),
        crate::errands::statements(),
        crate::keys::statements(),
        crate::known_devices::statements(),
        crate::links::statements(),
        crate::links::passwords::statements(),
        crate::migration::statements(),
        crate::revocation::statements(),
        crate::rotation::statements(),
        crate::search::statements(),
        crate::sessions::statements(),
        crate::setup::statements(),
        crate::upkeep::statements(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The columns of an account, named after the table so that they can be joined or selected alone.
macro_rules! account_columns {
    () => {
        "account.id, account.email, account.username, account.full_name, account.active, account.confirmed, \
         account.permissions, account.created_at, account.last_login_at, account.profile"
    };
}
pub(crate) use account_columns;

/// The cut-off of everybody.
macro_rules! global_cutoff {
    () => {
        "COALESCE((SELECT cutoff_at FROM global_cutoff WHERE id = 1), 0)"
    };
}
pub(crate) use global_cutoff;

/// What makes a session live at `$now`, apart from its account being active.
macro_rules! session_is_live {
    ($now:literal) => {
        concat!(
            "session.revoked_at IS NULL AND session.expires_at > ",
            $now,
            " AND ",
            $crate::statement::session_is_not_cut_off!()
        )
    };
}
pub(crate) use session_is_live;

/// What makes a session younger than the cut-offs; a session without an account is not.
macro_rules! session_is_not_cut_off {
    () => {
        concat!(
            "session.created_at > ",
            $crate::statement::global_cutoff!(),
            " AND session.created_at > \
             (SELECT account.cutoff_at FROM account WHERE account.id = session.account_id)"
        )
    };
}
pub(crate) use session_is_not_cut_off;

/// The oldest `$2` rows of those that may go, 200 at most, which is what upkeep asks for at once.
///
/// To PostgreSQL a limit that it does not know is a tenth of what there is, to be joined by reading whole tables; a number
/// that is written down it believes.
macro_rules! oldest {
    ($columns:literal, $rest:literal) => {
        concat!("(SELECT ", $columns, " FROM (SELECT ", $columns, " ", $rest, " LIMIT $2) AS due LIMIT 200)")
    };
}
pub(crate) use oldest;
