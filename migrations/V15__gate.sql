-- How often the counters of an account's failures were begun anew: they live elsewhere and are named after it.
ALTER TABLE account ADD COLUMN unlocks BIGINT NOT NULL DEFAULT 0;
-- Devices that have not logged in after this moment are strangers.
ALTER TABLE account ADD COLUMN devices_since BIGINT NOT NULL DEFAULT 0;
-- The device that a session was opened on: a browser's own number, or a MAC of a program's network and name.
ALTER TABLE session ADD COLUMN device BYTEA;
