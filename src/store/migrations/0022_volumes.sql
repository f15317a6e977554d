-- `volumes` is a JSON list: they are set and read together.
CREATE TABLE volumes (
    space_id TEXT NOT NULL PRIMARY KEY REFERENCES spaces (id) ON DELETE CASCADE,
    volumes TEXT NOT NULL
);
