-- Portable between SQLite and PostgreSQL: TEXT and BIGINT only, moments in milliseconds since the Unix epoch, words as
-- the domain spells them, `*_key` the lower-case form under which a name is unique.

CREATE TABLE accounts (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL UNIQUE,
    role TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

-- `hash` is the hexadecimal SHA-256 of the token; the token itself is nowhere.
CREATE TABLE tokens (
    hash TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    scope TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    UNIQUE (account_id, name)
);

CREATE TABLE spaces (
    id TEXT NOT NULL PRIMARY KEY,
    owner_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    subdomain TEXT NOT NULL,
    visibility TEXT NOT NULL,
    desired TEXT NOT NULL,
    generation BIGINT NOT NULL,
    restarts BIGINT NOT NULL,
    head TEXT,
    sdk TEXT,
    hardware TEXT,
    sleep_after_ms BIGINT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

-- A Space that is going away has given up its name and its address, though its row stays until all else is gone.
CREATE UNIQUE INDEX spaces_subdomain ON spaces (subdomain) WHERE desired <> 'deleted';
CREATE UNIQUE INDEX spaces_name ON spaces (owner_id, name_key) WHERE desired <> 'deleted';

-- One for each way of listing, newest first: everything, what everybody sees, one owner's. Of the two that serve what
-- everybody sees, SQLite takes the later one.
CREATE INDEX spaces_all ON spaces (updated_at, id) WHERE desired <> 'deleted';
CREATE INDEX spaces_seen ON spaces (updated_at, id) WHERE desired <> 'deleted' AND visibility <> 'private';
CREATE INDEX spaces_owned ON spaces (owner_id, updated_at, id) WHERE desired <> 'deleted';
-- The foreign key's own: the indexes above leave out rows that an account's removal must find.
CREATE INDEX spaces_owner ON spaces (owner_id);

-- `generation` is the Space's at the moment of publishing: it orders builds where clocks may not.
CREATE TABLE builds (
    id TEXT NOT NULL PRIMARY KEY,
    space_id TEXT NOT NULL REFERENCES spaces (id) ON DELETE CASCADE,
    generation BIGINT NOT NULL,
    revision TEXT NOT NULL,
    state TEXT NOT NULL,
    cached TEXT NOT NULL,
    tries BIGINT NOT NULL,
    artifact TEXT,
    error TEXT,
    created_at BIGINT NOT NULL,
    finished_at BIGINT,
    UNIQUE (space_id, generation)
);

CREATE INDEX builds_state ON builds (space_id, state, generation);

CREATE TABLE secrets (
    space_id TEXT NOT NULL REFERENCES spaces (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    sealed TEXT NOT NULL,
    description TEXT,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (space_id, name)
);

CREATE TABLE variables (
    space_id TEXT NOT NULL REFERENCES spaces (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    description TEXT,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (space_id, name)
);

-- No foreign keys: what was done is remembered after who did it, and to what, are gone.
CREATE TABLE events (
    id TEXT NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
    actor_id TEXT,
    action TEXT NOT NULL,
    space_id TEXT,
    detail TEXT NOT NULL
);

CREATE INDEX events_at ON events (at, id);
