-- What one Space used, and the name it had last, without reading everybody's hours.
CREATE INDEX usage_hours_space ON usage_hours (space_id, owner_id, hour);
