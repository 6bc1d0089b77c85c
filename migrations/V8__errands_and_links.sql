-- What is done after the answer: mail to be sent. `sealed` opens with `secret_key` only. An errand that is being run is
-- due again after its lease.
CREATE TABLE errand (
    id         BYTEA  NOT NULL PRIMARY KEY,
    sealed     BYTEA  NOT NULL,
    created_at BIGINT NOT NULL,
    due_at     BIGINT NOT NULL,
    attempts   BIGINT NOT NULL
);

CREATE INDEX errand_by_due ON errand (due_at, id);

-- Mailed links, at most one of each purpose for an account: a newer one takes the older one's place.
CREATE TABLE mailed_link (
    account_id      BYTEA  NOT NULL,
    purpose         TEXT   NOT NULL,
    email           TEXT   NOT NULL,
    email_canonical TEXT   NOT NULL,
    digest          BYTEA  NOT NULL UNIQUE,
    code_mac        BYTEA  NOT NULL,
    code_attempts   BIGINT NOT NULL,
    created_at      BIGINT NOT NULL,
    expires_at      BIGINT NOT NULL,
    PRIMARY KEY (account_id, purpose)
);

CREATE INDEX mailed_link_by_address ON mailed_link (email_canonical, purpose);
CREATE INDEX mailed_link_by_expiry ON mailed_link (expires_at);

-- The language an account is written to in; NULL where its owner asked for none.
ALTER TABLE account ADD COLUMN language TEXT;
