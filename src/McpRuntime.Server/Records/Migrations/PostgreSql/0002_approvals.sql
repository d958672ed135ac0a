-- Decisions on approvals, custom profiles and their versions, and what is told to the webhook.

ALTER TABLE approvals ADD COLUMN required_approvals integer;
ALTER TABLE approvals ADD COLUMN escalate_at bigint;

ALTER TABLE revisions ADD COLUMN promoted_at bigint;

ALTER TABLE runtimes ADD COLUMN profile text;
ALTER TABLE runtimes ADD COLUMN profile_version bigint;
UPDATE runtimes SET
    profile = (SELECT r.guardrails::json ->> 'profile' FROM revisions r WHERE r.runtime_id = runtimes.id AND r.generation = runtimes.asked_generation),
    profile_version = (SELECT (r.guardrails::json ->> 'profile_version')::bigint FROM revisions r WHERE r.runtime_id = runtimes.id AND r.generation = runtimes.asked_generation);

CREATE TABLE profiles (
    name text NOT NULL,
    version bigint NOT NULL,
    owner text NOT NULL,
    deleted_at bigint,
    CONSTRAINT "PK_profiles" PRIMARY KEY (name)
);

CREATE TABLE profile_versions (
    name text NOT NULL,
    version bigint NOT NULL,
    description text NOT NULL,
    recommended_backends text NOT NULL,
    config text NOT NULL,
    created_by text NOT NULL,
    created_at bigint NOT NULL,
    CONSTRAINT "PK_profile_versions" PRIMARY KEY (name, version)
);

CREATE TABLE webhooks (
    id text NOT NULL,
    body text NOT NULL,
    attempts integer NOT NULL,
    next_try_at bigint NOT NULL,
    created_at bigint NOT NULL,
    CONSTRAINT "PK_webhooks" PRIMARY KEY (id)
);

CREATE INDEX ix_approvals_escalate ON approvals (escalate_at);
CREATE INDEX ix_runtimes_profile ON runtimes (profile, profile_version);
CREATE INDEX ix_webhooks_next_try ON webhooks (next_try_at);
