-- Who bridges which stdio server.

CREATE TABLE bridges (
    server text NOT NULL,
    owner text NOT NULL,
    address text NOT NULL,
    instance text,
    beat bigint NOT NULL,
    seen_at bigint NOT NULL,
    CONSTRAINT "PK_bridges" PRIMARY KEY (server)
);
