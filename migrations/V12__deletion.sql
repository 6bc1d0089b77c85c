-- From when on an account is as good as gone, because its owner wants that; 0 where nobody does.
ALTER TABLE account ADD COLUMN deletes_at BIGINT NOT NULL DEFAULT 0;
-- Whether its owner may take that back.
ALTER TABLE account ADD COLUMN may_return BIGINT NOT NULL DEFAULT 0;
-- The account that an errand is about: it goes with that.
ALTER TABLE errand ADD COLUMN account_id BYTEA;
