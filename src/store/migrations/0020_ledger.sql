-- What an operator has set for one account; NULL follows the server's default.
CREATE TABLE quotas (
    account_id TEXT NOT NULL PRIMARY KEY REFERENCES accounts (id) ON DELETE CASCADE,
    spaces BIGINT,
    instances BIGINT,
    cpu_millis BIGINT,
    memory_bytes BIGINT,
    disk_bytes BIGINT,
    builds BIGINT,
    cpu_seconds_per_day BIGINT,
    updated_at BIGINT NOT NULL
);

-- Why an operator lets a Space do nothing; NULL is that nobody does.
ALTER TABLE spaces ADD COLUMN disabled TEXT;

-- `hour` counts hours since the Unix epoch. No foreign keys: use is remembered after the Space and its owner are gone,
-- and `name` is what the Space was called then.
CREATE TABLE usage_hours (
    hour BIGINT NOT NULL,
    space_id TEXT NOT NULL,
    owner_id TEXT NOT NULL,
    owner TEXT NOT NULL,
    name TEXT NOT NULL,
    cpu_micros BIGINT NOT NULL,
    throttled_micros BIGINT NOT NULL,
    memory_kib_seconds BIGINT NOT NULL,
    requests_1xx BIGINT NOT NULL,
    requests_2xx BIGINT NOT NULL,
    requests_3xx BIGINT NOT NULL,
    requests_4xx BIGINT NOT NULL,
    requests_5xx BIGINT NOT NULL,
    turned_away BIGINT NOT NULL,
    bytes_in BIGINT NOT NULL,
    bytes_out BIGINT NOT NULL,
    wakes BIGINT NOT NULL,
    wake_micros BIGINT NOT NULL,
    starts BIGINT NOT NULL,
    builds BIGINT NOT NULL,
    build_millis BIGINT NOT NULL,
    evictions BIGINT NOT NULL,
    PRIMARY KEY (hour, space_id, owner_id)
);

CREATE INDEX usage_hours_owner ON usage_hours (owner_id, hour);
