-- What is swept after its retention time is found by an index, not by reading everything.

CREATE INDEX ix_events_at ON events (at);
CREATE INDEX ix_audit_at ON audit (at);
