-- A file of its own, because some databases see a new column only after its transaction.
CREATE INDEX account_to_be_deleted ON account (deletes_at, id) WHERE deletes_at > 0;
CREATE INDEX errand_of_account ON errand (account_id) WHERE account_id IS NOT NULL;
