-- Every revocation and every cut-off carries the number that its stamp had when it was committed, so that a node reads on
-- from where it left off. The numbers of a stamp begin at its shard times 2^48, so that no two stamps share one.

ALTER TABLE session ADD COLUMN change_number BIGINT NOT NULL DEFAULT 0;
ALTER TABLE account ADD COLUMN change_number BIGINT NOT NULL DEFAULT 0;

UPDATE change_stamp SET version = version + 281474976710656 * shard + 1;
