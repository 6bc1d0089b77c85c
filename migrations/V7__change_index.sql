-- A file of its own, because some databases see a new column only after its transaction.

-- What was revoked before there were numbers is the first change of the first stamp.
UPDATE session SET change_number = 1 WHERE revoked_at IS NOT NULL AND change_number = 0;
UPDATE account SET change_number = 1 WHERE cutoff_until > 0 AND change_number = 0;

CREATE INDEX session_by_change ON session (change_number, id) WHERE change_number > 0;
CREATE INDEX account_by_change ON account (change_number, id) WHERE change_number > 0;
