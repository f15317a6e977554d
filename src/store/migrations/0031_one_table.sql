-- One table for repositories of every kind; what only a Space has is a row beside its repository. Everything that hangs on
-- Spaces goes on hanging on the table that was theirs, which becomes `repositories`: none of those rows is touched.

DROP INDEX repositories_all;
DROP INDEX repositories_owned;
ALTER TABLE repositories RENAME TO models_and_datasets;

DROP INDEX spaces_subdomain;
DROP INDEX spaces_name;
DROP INDEX spaces_all;
DROP INDEX spaces_seen;
DROP INDEX spaces_owned;
DROP INDEX spaces_owner;
ALTER TABLE spaces RENAME TO repositories;

-- The default is for the rows that are there; every new row says its kind.
ALTER TABLE repositories ADD COLUMN kind TEXT NOT NULL DEFAULT 'space';
-- Since when it is being removed. Its name is free from then on, though the row stays until all else is gone.
ALTER TABLE repositories ADD COLUMN removed_at BIGINT;
UPDATE repositories SET removed_at = updated_at WHERE desired = 'deleted';

-- `subdomain` is NULL once the Space is being removed, so that its address is free.
CREATE TABLE spaces (
    id TEXT NOT NULL PRIMARY KEY REFERENCES repositories (id) ON DELETE CASCADE,
    subdomain TEXT,
    desired TEXT NOT NULL,
    disabled TEXT,
    generation BIGINT NOT NULL,
    restarts BIGINT NOT NULL,
    sdk TEXT,
    hardware TEXT,
    sleep_after_ms BIGINT
);

INSERT INTO spaces (id, subdomain, desired, disabled, generation, restarts, sdk, hardware, sleep_after_ms)
SELECT id, CASE WHEN desired = 'deleted' THEN NULL ELSE subdomain END,
       CASE WHEN desired = 'deleted' THEN 'paused' ELSE desired END,
       disabled, generation, restarts, sdk, hardware, sleep_after_ms
FROM repositories;

ALTER TABLE repositories DROP COLUMN subdomain;
ALTER TABLE repositories DROP COLUMN desired;
ALTER TABLE repositories DROP COLUMN disabled;
ALTER TABLE repositories DROP COLUMN generation;
ALTER TABLE repositories DROP COLUMN restarts;
ALTER TABLE repositories DROP COLUMN sdk;
ALTER TABLE repositories DROP COLUMN hardware;
ALTER TABLE repositories DROP COLUMN sleep_after_ms;

INSERT INTO repositories (id, kind, owner_id, name, name_key, visibility, head, created_at, updated_at)
SELECT id, kind, owner_id, name, name_key, visibility, head, created_at, updated_at FROM models_and_datasets;
DROP TABLE models_and_datasets;

-- Of those whose files were still to go nobody knows any more whose they were; the next start removes them.
INSERT INTO repositories (id, kind, owner_id, name, name_key, visibility, created_at, updated_at, removed_at)
SELECT repo_id, 'model', (SELECT MIN(id) FROM accounts), 'removed', 'removed', 'private', 0, 0, 0
FROM removals WHERE EXISTS (SELECT 1 FROM accounts);
DROP TABLE removals;

CREATE UNIQUE INDEX repositories_name ON repositories (owner_id, kind, name_key) WHERE removed_at IS NULL;
CREATE UNIQUE INDEX spaces_subdomain ON spaces (subdomain);

-- One for each way of listing a kind, newest first: everything, what everybody sees, one owner's. Of the two that serve
-- what everybody sees, SQLite takes the later one.
CREATE INDEX repositories_all ON repositories (kind, updated_at, id) WHERE removed_at IS NULL;
CREATE INDEX repositories_seen ON repositories (kind, updated_at, id)
    WHERE removed_at IS NULL AND visibility <> 'private';
CREATE INDEX repositories_owned ON repositories (owner_id, kind, updated_at, id) WHERE removed_at IS NULL;
-- The foreign key's own: the indexes above leave out rows that an account's removal must find.
CREATE INDEX repositories_owner ON repositories (owner_id);

-- What is known of a repository beside its own row goes with it, as what hangs on a Space does.
DROP INDEX former_names_repo;
ALTER TABLE former_names RENAME TO old_former_names;
CREATE TABLE former_names (
    kind TEXT NOT NULL,
    owner_key TEXT NOT NULL,
    name_key TEXT NOT NULL,
    repo_id TEXT NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    PRIMARY KEY (kind, owner_key, name_key)
);
INSERT INTO former_names (kind, owner_key, name_key, repo_id)
SELECT kind, owner_key, name_key, repo_id FROM old_former_names WHERE repo_id IN (SELECT id FROM repositories);
DROP TABLE old_former_names;
CREATE INDEX former_names_repo ON former_names (repo_id);

DROP INDEX likes_repo;
ALTER TABLE likes RENAME TO old_likes;
CREATE TABLE likes (
    account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    repo_id TEXT NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    liked_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, repo_id)
);
INSERT INTO likes (account_id, repo_id, liked_at)
SELECT account_id, repo_id, liked_at FROM old_likes WHERE repo_id IN (SELECT id FROM repositories);
DROP TABLE old_likes;
CREATE INDEX likes_repo ON likes (repo_id, liked_at);

DROP INDEX creators_account;
ALTER TABLE creators RENAME TO old_creators;
CREATE TABLE creators (
    repo_id TEXT NOT NULL PRIMARY KEY REFERENCES repositories (id) ON DELETE CASCADE,
    account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE
);
INSERT INTO creators (repo_id, account_id)
SELECT repo_id, account_id FROM old_creators WHERE repo_id IN (SELECT id FROM repositories);
DROP TABLE old_creators;
CREATE INDEX creators_account ON creators (account_id);
