-- Who is in trouble is found without looking at all accounts. A healthy account is in none of these indexes, so it pays
-- for none of them.
CREATE INDEX lane_closed ON lane (health, since) WHERE health > 0;
CREATE INDEX lane_failing ON lane (failures) WHERE health = 0 AND failures > 0;
CREATE INDEX lane_dead ON lane (dead) WHERE dead > 0;
CREATE INDEX account_paused ON account (paused_since) WHERE paused_since IS NOT NULL;

-- The audit log: who did what. A bounded number of the newest is kept.
CREATE TABLE act (
    number     INTEGER PRIMARY KEY AUTOINCREMENT,
    at         INTEGER NOT NULL,
    credential INTEGER NOT NULL,
    by         TEXT    NOT NULL,
    account    INTEGER,
    what       TEXT    NOT NULL
);
CREATE INDEX act_account ON act (account, number) WHERE account IS NOT NULL;
