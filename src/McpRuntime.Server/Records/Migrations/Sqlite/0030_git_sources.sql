-- Git sources: what of each is applied, how the last look at it went, and what somebody has asked of it. Records say where they
-- are declared.

CREATE TABLE git_sources (
    name TEXT NOT NULL CONSTRAINT "PK_git_sources" PRIMARY KEY,
    version INTEGER NOT NULL,
    url TEXT NOT NULL,
    ref TEXT NOT NULL,
    path TEXT NOT NULL,
    seen_commit TEXT NULL,
    applied_commit TEXT NULL,
    applied_terms TEXT NULL,
    applied_at INTEGER NULL,
    checked_at INTEGER NULL,
    counts TEXT NULL,
    conflicts TEXT NULL,
    reason TEXT NULL,
    error TEXT NULL,
    errors TEXT NULL,
    failures INTEGER NOT NULL,
    asked INTEGER NOT NULL,
    answered INTEGER NOT NULL,
    words TEXT NULL
);

ALTER TABLE runtimes ADD COLUMN origin_commit TEXT NULL;
ALTER TABLE runtimes ADD COLUMN origin_file TEXT NULL;
