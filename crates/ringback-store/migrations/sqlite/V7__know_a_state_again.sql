-- A random value that says which state the store is in: a command gives it another with each of its commits, a server with its
-- first. So a copy that goes on later knows whether the store has changed since.
ALTER TABLE store ADD COLUMN stamp BLOB NOT NULL DEFAULT x'';
UPDATE store SET stamp = randomblob(16);
