-- What a Space's card names and is not mounted while it is private: whoever named it could not have read it. `repositories`
-- is a JSON list; of those without a row nothing is denied.
CREATE TABLE denied_repositories (
    space_id TEXT NOT NULL PRIMARY KEY REFERENCES spaces (id) ON DELETE CASCADE,
    repositories TEXT NOT NULL
);
