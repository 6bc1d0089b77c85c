-- Which devices have logged in to an account: a browser's own number, or a MAC of where something without cookies calls
-- from. Known from known_since until known_until; told_at is when the owner was written to about it, if they were.
CREATE TABLE known_device (
    account_id  BYTEA  NOT NULL,
    device      BYTEA  NOT NULL,
    known_since BIGINT NOT NULL,
    known_until BIGINT NOT NULL,
    told_at     BIGINT,
    PRIMARY KEY (account_id, device)
);
CREATE INDEX known_device_known_until ON known_device (known_until);
