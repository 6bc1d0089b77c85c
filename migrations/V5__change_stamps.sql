-- What nodes keep in memory (revocations, cut-offs, keys) changes together with one of these rows: their sum tells a
-- node whether it has to look again. Several rows, because a row is locked until its transaction has committed.

CREATE TABLE change_stamp (
    shard   BIGINT NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL
);

INSERT INTO change_stamp (shard, version) VALUES
    (0, 0), (1, 0), (2, 0), (3, 0), (4, 0), (5, 0), (6, 0), (7, 0),
    (8, 0), (9, 0), (10, 0), (11, 0), (12, 0), (13, 0), (14, 0), (15, 0);
