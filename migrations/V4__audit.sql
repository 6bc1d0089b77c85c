CREATE TABLE audit_event (
    id         BYTEA  NOT NULL PRIMARY KEY,
    at         BIGINT NOT NULL,
    kind       TEXT   NOT NULL,
    outcome    TEXT   NOT NULL,
    account_id BYTEA,
    session_id BYTEA,
    address    TEXT   NOT NULL,
    detail     TEXT   NOT NULL
);

CREATE INDEX audit_event_by_moment ON audit_event (at, id);
CREATE INDEX audit_event_of_account ON audit_event (account_id, at, id);
