-- Messages of one account wait in runs: those that were accepted one after another, some thousands. The index by key begins
-- with the run, so that what comes and goes now touches few pages of it, however much waits and however random keys are.
-- Run 0 holds those of old runs, which are put there when there are many.
ALTER TABLE pending ADD COLUMN run INTEGER NOT NULL DEFAULT 0;
DROP INDEX pending_key;
CREATE INDEX pending_key ON pending (account, run, key, turn) WHERE key IS NOT NULL;
