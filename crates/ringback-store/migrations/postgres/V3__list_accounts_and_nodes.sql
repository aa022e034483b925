-- An account exists once a credential names it, whether anything was done for it or not: this is how a list finds it.
CREATE INDEX credential_account_account ON ringback.credential_account (account);

-- What a node says of itself when it renews its lease, for whoever looks after all of them. An older release writes neither.
ALTER TABLE ringback.node
    ADD COLUMN beat_at timestamptz,                     -- when that was
    ADD COLUMN listening boolean;                       -- whether it hears the others' notifications at once
