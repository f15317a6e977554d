-- What people have allowed Spaces: each row is one signing in at one Space, and what came of it. Access tokens and refresh
-- tokens are signed and name the row; without it they are worth nothing. `owner_id` is whose the Space was then: another
-- owner's Space is another one. `refreshes` rises with each refresh token that is used.
CREATE TABLE oauth_grants (
    id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    space_id TEXT NOT NULL REFERENCES repositories (id) ON DELETE CASCADE,
    owner_id TEXT NOT NULL,
    scopes TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    refreshes BIGINT NOT NULL
);

CREATE INDEX oauth_grants_account ON oauth_grants (account_id, space_id);
CREATE INDEX oauth_grants_space ON oauth_grants (space_id);
CREATE INDEX oauth_grants_expiry ON oauth_grants (expires_at);
