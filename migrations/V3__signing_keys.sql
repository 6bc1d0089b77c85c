CREATE TABLE signing_key (
    kid            TEXT   NOT NULL PRIMARY KEY,
    algorithm      TEXT   NOT NULL,
    wrapped        BYTEA  NOT NULL,
    created_at     BIGINT NOT NULL,
    verifies_until BIGINT
);

-- One key signs at a time: two processes that start at once cannot both keep a first one.
CREATE UNIQUE INDEX signing_key_that_signs ON signing_key ((verifies_until IS NULL)) WHERE verifies_until IS NULL;
