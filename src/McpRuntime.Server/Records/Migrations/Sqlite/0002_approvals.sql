-- Decisions on approvals, custom profiles and their versions, and what is told to the webhook.

ALTER TABLE approvals ADD COLUMN required_approvals INTEGER NULL;
ALTER TABLE approvals ADD COLUMN escalate_at INTEGER NULL;

ALTER TABLE revisions ADD COLUMN promoted_at INTEGER NULL;

ALTER TABLE runtimes ADD COLUMN profile TEXT NULL;
ALTER TABLE runtimes ADD COLUMN profile_version INTEGER NULL;
UPDATE runtimes SET
    profile = (SELECT json_extract(r.guardrails, '$.profile') FROM revisions r WHERE r.runtime_id = runtimes.id AND r.generation = runtimes.asked_generation),
    profile_version = (SELECT json_extract(r.guardrails, '$.profile_version') FROM revisions r WHERE r.runtime_id = runtimes.id AND r.generation = runtimes.asked_generation);

CREATE TABLE profiles (
    name TEXT NOT NULL CONSTRAINT "PK_profiles" PRIMARY KEY,
    version INTEGER NOT NULL,
    owner TEXT NOT NULL,
    deleted_at INTEGER NULL
);

CREATE TABLE profile_versions (
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    description TEXT NOT NULL,
    recommended_backends TEXT NOT NULL,
    config TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    CONSTRAINT "PK_profile_versions" PRIMARY KEY (name, version)
);

CREATE TABLE webhooks (
    id TEXT NOT NULL CONSTRAINT "PK_webhooks" PRIMARY KEY,
    body TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    next_try_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL
);

CREATE INDEX ix_approvals_escalate ON approvals (escalate_at);
CREATE INDEX ix_runtimes_profile ON runtimes (profile, profile_version);
CREATE INDEX ix_webhooks_next_try ON webhooks (next_try_at);
