-- Who somebody is where they sign in, outside this house: an OpenID provider's name and what it calls them, which it never
-- gives to anybody else. One account may be several of them.
CREATE TABLE identities (
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    account_id TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (issuer, subject)
);

CREATE INDEX identities_account ON identities (account_id);
