-- What a registration asks for, sealed, until its address is proved: a link of the purpose 'register' carries it, and
-- account_id is the id that the account will have. NULL for every other link.
ALTER TABLE mailed_link ADD COLUMN registration BYTEA;
