-- The first schema. Times are unix milliseconds; booleans 0 or 1; JSON is text that only the service reads.

CREATE TABLE audit (
    sequence INTEGER NOT NULL CONSTRAINT "PK_audit" PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    subject TEXT NOT NULL,
    source TEXT NOT NULL,
    address TEXT NULL,
    action TEXT NOT NULL,
    target TEXT NOT NULL,
    outcome TEXT NOT NULL,
    before TEXT NULL,
    after TEXT NULL
);

CREATE TABLE idempotency (
    subject TEXT NOT NULL,
    key TEXT NOT NULL,
    body_hash TEXT NOT NULL,
    runtime_id TEXT NOT NULL,
    generation INTEGER NOT NULL,
    created INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    message TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    CONSTRAINT "PK_idempotency" PRIMARY KEY (subject, key)
);

CREATE TABLE leases (
    name TEXT NOT NULL CONSTRAINT "PK_leases" PRIMARY KEY,
    holder TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    beat INTEGER NOT NULL
);

CREATE TABLE routes (
    id TEXT NOT NULL CONSTRAINT "PK_routes" PRIMARY KEY,
    record_id TEXT NOT NULL,
    name TEXT NOT NULL,
    route TEXT NOT NULL
);

CREATE TABLE runtimes (
    id TEXT NOT NULL CONSTRAINT "PK_runtimes" PRIMARY KEY,
    name TEXT NOT NULL,
    owner TEXT NOT NULL,
    backend TEXT NOT NULL,
    asked_generation INTEGER NOT NULL,
    serving_generation INTEGER NULL,
    desired TEXT NOT NULL,
    restart_token INTEGER NOT NULL,
    hold TEXT NULL,
    delete_requested INTEGER NOT NULL,
    keep_volumes INTEGER NOT NULL,
    deleted_at INTEGER NULL,
    command_sequence INTEGER NOT NULL,
    event_sequence INTEGER NOT NULL,
    due_at INTEGER NULL,
    revision INTEGER NOT NULL,
    last_change TEXT NULL,
    visibility TEXT NOT NULL,
    team_id TEXT NULL,
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
);

CREATE TABLE settings (
    key TEXT NOT NULL CONSTRAINT "PK_settings" PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE tokens (
    id TEXT NOT NULL CONSTRAINT "PK_tokens" PRIMARY KEY,
    hash TEXT NOT NULL,
    subject TEXT NOT NULL,
    roles INTEGER NOT NULL,
    teams TEXT NOT NULL,
    runtime_id TEXT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NULL,
    revoked_at INTEGER NULL
);

CREATE TABLE approvals (
    id TEXT NOT NULL CONSTRAINT "PK_approvals" PRIMARY KEY,
    runtime_id TEXT NOT NULL,
    generation INTEGER NOT NULL,
    status TEXT NOT NULL,
    requested_by TEXT NOT NULL,
    reviewed_by TEXT NOT NULL,
    requested_reason TEXT NULL,
    decision_reason TEXT NULL,
    approvers TEXT NOT NULL,
    rule_snapshot TEXT NOT NULL,
    content_hash TEXT NOT NULL,
    pin TEXT NULL,
    expires_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    reviewed_at INTEGER NULL,
    CONSTRAINT "FK_approvals_runtimes_runtime_id" FOREIGN KEY (runtime_id) REFERENCES runtimes (id) ON DELETE CASCADE
);

CREATE TABLE events (
    runtime_id TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    message TEXT NOT NULL,
    actor TEXT NOT NULL,
    CONSTRAINT "PK_events" PRIMARY KEY (runtime_id, sequence),
    CONSTRAINT "FK_events_runtimes_runtime_id" FOREIGN KEY (runtime_id) REFERENCES runtimes (id) ON DELETE CASCADE
);

CREATE TABLE revisions (
    runtime_id TEXT NOT NULL,
    generation INTEGER NOT NULL,
    state TEXT NOT NULL,
    spec TEXT NOT NULL,
    environment TEXT NULL,
    guardrails TEXT NOT NULL,
    facts TEXT NULL,
    content_hash TEXT NOT NULL,
    approval_id TEXT NULL,
    failed_reason TEXT NULL,
    failed_message TEXT NULL,
    first_put_at INTEGER NULL,
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    CONSTRAINT "PK_revisions" PRIMARY KEY (runtime_id, generation),
    CONSTRAINT "FK_revisions_runtimes_runtime_id" FOREIGN KEY (runtime_id) REFERENCES runtimes (id) ON DELETE CASCADE
);

CREATE TABLE runtime_status (
    runtime_id TEXT NOT NULL CONSTRAINT "PK_runtime_status" PRIMARY KEY,
    revision INTEGER NOT NULL,
    observed_generation INTEGER NOT NULL,
    observed_command INTEGER NOT NULL,
    status TEXT NOT NULL,
    conditions TEXT NOT NULL,
    memory TEXT NOT NULL,
    display TEXT NOT NULL,
    error_message TEXT NULL,
    next_turn_at INTEGER NULL,
    lease_epoch INTEGER NOT NULL,
    written_at INTEGER NULL,
    CONSTRAINT "FK_runtime_status_runtimes_runtime_id" FOREIGN KEY (runtime_id) REFERENCES runtimes (id) ON DELETE CASCADE
);

CREATE TABLE runtime_tags (
    runtime_id TEXT NOT NULL,
    tag TEXT NOT NULL,
    CONSTRAINT "PK_runtime_tags" PRIMARY KEY (runtime_id, tag),
    CONSTRAINT "FK_runtime_tags_runtimes_runtime_id" FOREIGN KEY (runtime_id) REFERENCES runtimes (id) ON DELETE CASCADE
);

CREATE INDEX ix_approvals_runtime ON approvals (runtime_id, generation);
CREATE INDEX ix_approvals_status ON approvals (status, expires_at);
CREATE INDEX ix_idempotency_created ON idempotency (created_at);
CREATE INDEX ix_routes_record ON routes (record_id);
CREATE UNIQUE INDEX ux_routes_name ON routes (name);
CREATE INDEX ix_runtime_status_status ON runtime_status (status);
CREATE INDEX ix_runtime_tags_tag ON runtime_tags (tag);
CREATE INDEX ix_runtimes_due ON runtimes (due_at);
CREATE INDEX ix_runtimes_owner ON runtimes (owner, deleted_at);
CREATE UNIQUE INDEX ux_runtimes_live_name ON runtimes (name) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX ux_tokens_hash ON tokens (hash);
