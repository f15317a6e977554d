-- Models and datasets: repositories for which nothing runs. Spaces have their own table, as they have much more to say.
CREATE TABLE repositories (
    id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL,
    owner_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    visibility TEXT NOT NULL,
    head TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (owner_id, kind, name_key)
);

CREATE INDEX repositories_all ON repositories (kind, updated_at, id);
CREATE INDEX repositories_owned ON repositories (owner_id, kind, updated_at, id);

-- Models and datasets whose rows are gone and whose files may not be yet.
CREATE TABLE removals (
    repo_id TEXT NOT NULL PRIMARY KEY
);

-- Names that repositories, Spaces among them, have moved away from. A new repository of such a name comes first.
CREATE TABLE former_names (
    kind TEXT NOT NULL,
    owner_key TEXT NOT NULL,
    name_key TEXT NOT NULL,
    repo_id TEXT NOT NULL,
    PRIMARY KEY (kind, owner_key, name_key)
);

CREATE INDEX former_names_repo ON former_names (repo_id);

CREATE TABLE likes (
    account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    repo_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    liked_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, repo_id)
);

CREATE INDEX likes_repo ON likes (repo_id, liked_at);

-- `user` or `organization`: both own things, only the first has tokens.
ALTER TABLE accounts ADD COLUMN kind TEXT NOT NULL DEFAULT 'user';

CREATE TABLE members (
    organization_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    role TEXT NOT NULL,
    PRIMARY KEY (organization_id, account_id)
);

CREATE INDEX members_account ON members (account_id);

-- `grants` is JSON, only for tokens of the scope `fine-grained`.
ALTER TABLE tokens ADD COLUMN grants TEXT;
ALTER TABLE tokens ADD COLUMN last_used_at BIGINT;
