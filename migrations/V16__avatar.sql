-- The picture of an account, as we have drawn it.
CREATE TABLE avatar (
    account_id BYTEA  NOT NULL PRIMARY KEY,
    media_type TEXT   NOT NULL,
    etag       TEXT   NOT NULL,
    bytes      BYTEA  NOT NULL,
    changed_at BIGINT NOT NULL
);
