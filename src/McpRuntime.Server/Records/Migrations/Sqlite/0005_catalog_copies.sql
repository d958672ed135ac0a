-- Remote catalogs: the last good copy of each, for every replica and across restarts. Registrations in an outer gateway
-- that a deletion need not wait for.

CREATE TABLE catalog_copies (
    url TEXT NOT NULL CONSTRAINT "PK_catalog_copies" PRIMARY KEY,
    version INTEGER NOT NULL,
    content TEXT NULL,
    etag TEXT NULL,
    read_at INTEGER NULL,
    checked_at INTEGER NOT NULL,
    error TEXT NULL,
    note TEXT NULL,
    failures INTEGER NOT NULL
);

ALTER TABLE runtimes ADD COLUMN abandon_registration INTEGER NULL;
