-- Who did it, where it was not the account's owner.
ALTER TABLE audit_event ADD COLUMN actor_id BYTEA;
CREATE INDEX audit_event_of_kind ON audit_event (kind, at, id);

-- When the account was disabled; 0 where it is not, or where nobody knows.
ALTER TABLE account ADD COLUMN disabled_at BIGINT NOT NULL DEFAULT 0;
-- Whether `permissions` has `admin`.
ALTER TABLE account ADD COLUMN administrates BIGINT NOT NULL DEFAULT 0;
-- Whether `username_part` has the user name; the upkeep sees to those it has not.
ALTER TABLE account ADD COLUMN is_searchable BIGINT NOT NULL DEFAULT 0;

-- The moment that is shown as the cut-off of everybody; NULL where the notice has been taken down.
ALTER TABLE global_cutoff ADD COLUMN noticed_at BIGINT;

-- Every end of every canonical user name (`ada`, `da`, `a`): a substring of the name is what one of them begins with.
-- Bytes, which no database sorts by the rules of a language.
CREATE TABLE username_part (
    part       BYTEA NOT NULL,
    account_id BYTEA NOT NULL,
    PRIMARY KEY (part, account_id)
);
