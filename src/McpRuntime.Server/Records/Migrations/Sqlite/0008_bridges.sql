-- Who bridges which stdio server.

CREATE TABLE bridges (
    server TEXT NOT NULL CONSTRAINT "PK_bridges" PRIMARY KEY,
    owner TEXT NOT NULL,
    address TEXT NOT NULL,
    instance TEXT NULL,
    beat INTEGER NOT NULL,
    seen_at INTEGER NOT NULL
);
