-- Remote catalogs: the last good copy of each, for every replica and across restarts. Registrations in an outer gateway
-- that a deletion need not wait for.

CREATE TABLE catalog_copies (
    url text NOT NULL,
    version bigint NOT NULL,
    content text,
    etag text,
    read_at bigint,
    checked_at bigint NOT NULL,
    error text,
    note text,
    failures integer NOT NULL,
    CONSTRAINT "PK_catalog_copies" PRIMARY KEY (url)
);

ALTER TABLE runtimes ADD COLUMN abandon_registration boolean;
