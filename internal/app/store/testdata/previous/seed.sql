-- What the seed does, from seed.go. :samples stands for its COPY.
CREATE TEMPORARY TABLE seed (LIKE products) ON COMMIT DROP;
:samples
INSERT INTO products SELECT seed.* FROM seed ORDER BY id ON CONFLICT DO NOTHING;
