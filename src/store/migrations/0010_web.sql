-- What the pages need beside the Spaces themselves. The rules of 0001 hold: TEXT and BIGINT, moments in milliseconds.

-- `hash` is argon2id in its PHC string form. An account without a row signs in with a token.
CREATE TABLE passwords (
    account_id TEXT NOT NULL PRIMARY KEY REFERENCES accounts (id) ON DELETE CASCADE,
    hash TEXT NOT NULL,
    updated_at BIGINT NOT NULL
);

-- `hash` is the hexadecimal SHA-256 of what the browser's cookie holds; that itself is nowhere.
CREATE TABLE sessions (
    hash TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE INDEX sessions_account ON sessions (account_id);
CREATE INDEX sessions_expiry ON sessions (expires_at);

-- What the gallery shows of a Space: derived from `spaces`, its card and its likes, and made again when they change.
-- `words` is what a search looks through, in lower case.
CREATE TABLE showcase (
    space_id TEXT NOT NULL PRIMARY KEY REFERENCES spaces (id) ON DELETE CASCADE,
    head TEXT NOT NULL,
    visibility TEXT NOT NULL,
    sdk TEXT NOT NULL,
    title TEXT NOT NULL,
    emoji TEXT NOT NULL,
    color_from TEXT NOT NULL,
    color_to TEXT NOT NULL,
    description TEXT NOT NULL,
    words TEXT NOT NULL,
    likes BIGINT NOT NULL,
    trending BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);

-- One for each order of the gallery.
CREATE INDEX showcase_trending ON showcase (trending, space_id);
CREATE INDEX showcase_new ON showcase (created_at, space_id);
CREATE INDEX showcase_likes ON showcase (likes, space_id);

CREATE TABLE showcase_tags (
    space_id TEXT NOT NULL REFERENCES showcase (space_id) ON DELETE CASCADE,
    tag TEXT NOT NULL,
    PRIMARY KEY (tag, space_id)
);

CREATE INDEX showcase_tags_space ON showcase_tags (space_id);

-- What visitors tell the operators about a Space. `reporter_id` is missing for visitors without an account.
CREATE TABLE reports (
    id TEXT NOT NULL PRIMARY KEY,
    space_id TEXT NOT NULL REFERENCES spaces (id) ON DELETE CASCADE,
    reporter_id TEXT,
    reason TEXT NOT NULL,
    at BIGINT NOT NULL
);

CREATE INDEX reports_at ON reports (at, id);
CREATE INDEX reports_space ON reports (space_id);

-- What the owner of a Space that an operator has disabled says to that.
CREATE TABLE answers (
    space_id TEXT NOT NULL PRIMARY KEY REFERENCES spaces (id) ON DELETE CASCADE,
    answer TEXT NOT NULL,
    at BIGINT NOT NULL
);
