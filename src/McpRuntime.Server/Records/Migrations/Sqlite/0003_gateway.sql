-- What the gateway keeps: sessions that may outlive a container, the tools a generation was seen to offer, and who called them.

CREATE TABLE gateway_sessions (
    hash TEXT NOT NULL CONSTRAINT "PK_gateway_sessions" PRIMARY KEY,
    record_id TEXT NOT NULL,
    subject TEXT NOT NULL,
    instance TEXT NOT NULL,
    initialize TEXT NULL,
    upstream TEXT NULL,
    has_acted INTEGER NOT NULL,
    opened_at INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL,
    ended_at INTEGER NULL
);

CREATE TABLE tool_inventories (
    runtime_id TEXT NOT NULL,
    generation INTEGER NOT NULL,
    hash TEXT NOT NULL,
    tools TEXT NOT NULL,
    first_seen_at INTEGER NOT NULL,
    seen_at INTEGER NOT NULL,
    accepted_at INTEGER NULL,
    accepted_by TEXT NULL,
    CONSTRAINT "PK_tool_inventories" PRIMARY KEY (runtime_id, generation, hash),
    CONSTRAINT "FK_tool_inventories_runtimes_runtime_id" FOREIGN KEY (runtime_id) REFERENCES runtimes (id) ON DELETE CASCADE
);

CREATE TABLE tool_calls (
    sequence INTEGER NOT NULL CONSTRAINT "PK_tool_calls" PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    runtime_id TEXT NOT NULL,
    subject TEXT NOT NULL,
    address TEXT NULL,
    tool TEXT NOT NULL,
    outcome TEXT NOT NULL,
    duration_ms INTEGER NOT NULL,
    arguments TEXT NULL
);

CREATE INDEX ix_gateway_sessions_record ON gateway_sessions (record_id, subject, last_used_at);
CREATE INDEX ix_gateway_sessions_last_used ON gateway_sessions (last_used_at);
CREATE INDEX ix_tool_calls_runtime ON tool_calls (runtime_id, sequence);
CREATE INDEX ix_tool_calls_at ON tool_calls (at);
