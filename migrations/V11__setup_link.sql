-- The link that makes the first administrator: one row at most, which each start of a server without one writes anew.
CREATE TABLE setup_link (
    id         BIGINT NOT NULL PRIMARY KEY,
    digest     BYTEA  NOT NULL,
    expires_at BIGINT NOT NULL
);
