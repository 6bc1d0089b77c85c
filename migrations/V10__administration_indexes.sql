-- A file of its own, because some databases see a new column only after its transaction.

UPDATE account SET administrates = 1 WHERE permissions LIKE '%"admin"%';

CREATE INDEX account_disabled ON account (active, disabled_at, id) WHERE active = 0;
CREATE INDEX account_that_administrates ON account (administrates) WHERE administrates = 1;
CREATE INDEX account_to_be_searchable ON account (is_searchable) WHERE is_searchable = 0;
