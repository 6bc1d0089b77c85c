-- account_id is no foreign key: the row of a deleted account's session is kept until its last access token has expired,
-- because it is what the nodes remember the revocation by.

CREATE TABLE session (
    id               BYTEA  NOT NULL PRIMARY KEY,
    account_id       BYTEA  NOT NULL,
    generation       BIGINT NOT NULL,
    scope            TEXT   NOT NULL,
    created_at       BIGINT NOT NULL,
    authenticated_at BIGINT NOT NULL,
    refreshed_at     BIGINT NOT NULL,
    expires_at       BIGINT NOT NULL,
    ends_at          BIGINT NOT NULL,
    access_until     BIGINT NOT NULL,
    revoked_at       BIGINT,
    address          TEXT   NOT NULL,
    user_agent       TEXT   NOT NULL
);

-- Revoked rows pile up until they are removed; a login must not walk through them.
CREATE INDEX session_of_account ON session (account_id, created_at) WHERE revoked_at IS NULL;
CREATE INDEX session_by_expiry ON session (expires_at);
CREATE INDEX session_revoked ON session (access_until) WHERE revoked_at IS NOT NULL;
