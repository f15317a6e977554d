ALTER TABLE quotas ADD COLUMN build_minutes_per_day BIGINT;
ALTER TABLE quotas ADD COLUMN egress_bytes_per_day BIGINT;
