-- One set for SQLite and PostgreSQL: TEXT, BIGINT and BYTEA only. Moments are milliseconds since the Unix epoch, UTC;
-- truth is 0 or 1; lists are JSON. A published file never changes: a change is a new file.

CREATE TABLE account (
    id                 BYTEA  NOT NULL PRIMARY KEY,
    email              TEXT   NOT NULL,
    email_canonical    TEXT   NOT NULL UNIQUE,
    username           TEXT,
    username_canonical TEXT   UNIQUE,
    full_name          TEXT,
    password_hash      TEXT,
    active             BIGINT NOT NULL,
    confirmed          BIGINT NOT NULL,
    permissions        TEXT   NOT NULL,
    created_at         BIGINT NOT NULL,
    last_login_at      BIGINT,
    -- Sessions begun at or before cutoff_at are dead; the last of their access tokens expires at cutoff_until.
    cutoff_at          BIGINT NOT NULL,
    cutoff_until       BIGINT NOT NULL
);

CREATE INDEX account_cut_off ON account (cutoff_until) WHERE cutoff_until > 0;

-- The cut-off of everybody: one row, and none before the first.
CREATE TABLE global_cutoff (
    id        BIGINT NOT NULL PRIMARY KEY,
    cutoff_at BIGINT NOT NULL
);
