-- Git sources: what of each is applied, how the last look at it went, and what somebody has asked of it. Records say where they
-- are declared.

CREATE TABLE git_sources (
    name text NOT NULL,
    version bigint NOT NULL,
    url text NOT NULL,
    ref text NOT NULL,
    path text NOT NULL,
    seen_commit text,
    applied_commit text,
    applied_terms text,
    applied_at bigint,
    checked_at bigint,
    counts text,
    conflicts text,
    reason text,
    error text,
    errors text,
    failures integer NOT NULL,
    asked bigint NOT NULL,
    answered bigint NOT NULL,
    words text,
    CONSTRAINT "PK_git_sources" PRIMARY KEY (name)
);

ALTER TABLE runtimes ADD COLUMN origin_commit text;
ALTER TABLE runtimes ADD COLUMN origin_file text;
