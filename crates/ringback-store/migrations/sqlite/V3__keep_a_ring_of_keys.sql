-- The keys that the store is sealed with: one, or two while it is being re-sealed. The keys themselves are not here.
CREATE TABLE sealing_key (
    number INTEGER PRIMARY KEY,   -- the highest seals
    id     BLOB,                  -- made from the key one-way; null for the key of a store from before there were ids
    pepper BLOB NOT NULL,         -- sealed with this key, whose check value it is
    other  BLOB                   -- the other key, sealed with this one, while there is another
);
INSERT INTO sealing_key (number, pepper) SELECT 1, pepper FROM store;

-- What a database is known again by is a number that no rotation changes.
ALTER TABLE store RENAME COLUMN pepper TO mark;
UPDATE store SET mark = randomblob(16);
