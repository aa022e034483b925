-- Everything that a store keeps. Moments are milliseconds since the Unix epoch; an account is its fifteen digits.

-- One row: what the store says of itself.
CREATE TABLE store (
    only                INTEGER PRIMARY KEY CHECK (only = 1),
    pepper              BLOB    NOT NULL,            -- sealed; also the check value of the sealing key
    credentials_version INTEGER NOT NULL DEFAULT 0,
    positions_through   INTEGER NOT NULL DEFAULT 0   -- positions of bodies are reserved through here
);
-- 'store' gets its row when the file is made, by the program: the pepper is random.

-- The account's own decisions and its counters: written by accept and by the API.
CREATE TABLE account (
    account              INTEGER PRIMARY KEY,
    last_sequence        INTEGER NOT NULL DEFAULT 0,
    last_turn            INTEGER NOT NULL DEFAULT 0,
    generation           INTEGER NOT NULL DEFAULT 0,
    registered           INTEGER NOT NULL DEFAULT 0,
    pull                 INTEGER NOT NULL DEFAULT 0,
    releases             INTEGER NOT NULL DEFAULT 0,
    reinstatements       INTEGER NOT NULL DEFAULT 0,
    cancelled_through    INTEGER NOT NULL DEFAULT 0,  -- a turn
    acknowledged_through INTEGER NOT NULL DEFAULT 0,  -- a sequence,
    acknowledged_turn    INTEGER NOT NULL DEFAULT 0,  -- but for what a replay put behind this turn
    paused_total         INTEGER NOT NULL DEFAULT 0,
    paused_since         INTEGER
);

-- Where an account's messages go: sealed, with the registration that it replaced.
CREATE TABLE registration (
    account                INTEGER PRIMARY KEY,
    sealed                 BLOB,                      -- null once deregistered
    registered_at          INTEGER,
    replaced               BLOB,
    replaced_registered_at INTEGER,
    replaced_generation    INTEGER                    -- restorable only while account.generation is this
);

CREATE TABLE signing_secret (
    account    INTEGER NOT NULL,
    number     INTEGER NOT NULL,
    sealed     BLOB    NOT NULL,
    retires_at INTEGER,
    PRIMARY KEY (account, number)
) WITHOUT ROWID;

-- What the endpoint has shown, and the ledger's counters: written by the lane's owner alone.
CREATE TABLE lane (
    account             INTEGER PRIMARY KEY,
    successes           INTEGER NOT NULL DEFAULT 0,
    releases_seen       INTEGER NOT NULL DEFAULT 0,
    reinstatements_seen INTEGER NOT NULL DEFAULT 0,
    health              INTEGER NOT NULL DEFAULT 0,   -- 0 open, 1 on hold, 2 suspended
    failures            INTEGER NOT NULL DEFAULT 0,   -- open: failures in a row; on hold: failed probes
    since               INTEGER,
    probe_at            INTEGER,
    trouble             INTEGER,
    delivered           INTEGER NOT NULL DEFAULT 0,   -- messages in that state whose rows are here
    dead                INTEGER NOT NULL DEFAULT 0,
    cancelled           INTEGER NOT NULL DEFAULT 0,
    dropped_delivered   INTEGER NOT NULL DEFAULT 0,   -- and those whose rows the retention took
    dropped_dead        INTEGER NOT NULL DEFAULT 0,
    dropped_cancelled   INTEGER NOT NULL DEFAULT 0
);

-- Bodies: appended once, never moved or changed, dropped by ranges of positions.
CREATE TABLE body (
    position    INTEGER PRIMARY KEY,
    account     INTEGER NOT NULL,
    sequence    INTEGER NOT NULL,
    accepted_at INTEGER NOT NULL,
    body        BLOB    NOT NULL
);

-- Bodies that outlive their range: of dead, still pending and lately finished messages, at the positions that they
-- had. All of these are below every position in 'body'.
CREATE TABLE kept_body (
    position INTEGER PRIMARY KEY,
    account  INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    body     BLOB    NOT NULL
);

-- A message, from its acceptance until the retention takes it.
CREATE TABLE message (
    account     INTEGER NOT NULL,
    sequence    INTEGER NOT NULL,
    position    INTEGER NOT NULL,
    accepted_at INTEGER NOT NULL,
    kind        INTEGER NOT NULL,
    state       INTEGER NOT NULL,                     -- 0 pending, 1 delivered, 2 dead, 3 cancelled
    turn        INTEGER,                              -- null while it is the sequence
    key         INTEGER,
    finished_at INTEGER,
    attempts    INTEGER NOT NULL DEFAULT 0,
    status      INTEGER,                              -- of a success at the first attempt: kept inline,
    started_at  INTEGER,                              -- with its time and
    duration    INTEGER,                              -- its milliseconds
    death       INTEGER,
    kept        INTEGER NOT NULL DEFAULT 0,           -- whether its body is in 'kept_body'
    PRIMARY KEY (account, sequence)
) WITHOUT ROWID;

-- The retention finds the dead by their age, and what is in 'kept_body' by its state and age; a search finds the dead of
-- all accounts in the order in which they were accepted.
CREATE INDEX message_dead ON message (finished_at, account, sequence) WHERE state = 2;
CREATE INDEX message_dead_position ON message (position) WHERE state = 2;
CREATE INDEX message_kept ON message (state, finished_at, account, sequence) WHERE kept = 1;

-- What waits: small, in the order of each account's queue.
CREATE TABLE pending (
    account     INTEGER NOT NULL,
    turn        INTEGER NOT NULL,
    sequence    INTEGER NOT NULL,
    position    INTEGER NOT NULL,
    key         INTEGER,
    accepted_at INTEGER NOT NULL,
    born        INTEGER NOT NULL,                     -- in lane time
    attempts    INTEGER NOT NULL DEFAULT 0,
    charged     INTEGER NOT NULL DEFAULT 0,
    due         INTEGER,                              -- null until it has been tried
    successes   INTEGER NOT NULL DEFAULT 0,
    replay      INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (account, turn)
) WITHOUT ROWID;

CREATE INDEX pending_key ON pending (account, key, turn) WHERE key IS NOT NULL;
CREATE INDEX pending_due ON pending (account, due, turn) WHERE due IS NOT NULL;
-- Replays wait out of the order of sequences: this is how an acknowledgement finds those that it covers.
CREATE INDEX pending_replay ON pending (account, sequence) WHERE replay = 1;

-- Attempts, but for a success at the first one.
CREATE TABLE attempt (
    account    INTEGER NOT NULL,
    sequence   INTEGER NOT NULL,
    number     INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    duration   INTEGER NOT NULL,
    outcome    INTEGER NOT NULL,                      -- a status, or a trouble's number
    error      TEXT,
    excerpt    BLOB,
    PRIMARY KEY (account, sequence, number)
) WITHOUT ROWID;

-- Replays of accounts that are under way: at most one each. They go by sequence number.
CREATE TABLE replay_job (
    account              INTEGER PRIMARY KEY,
    state                INTEGER,                     -- which to send again; null for all that are finished
    since                INTEGER,
    until                INTEGER,
    next_sequence        INTEGER NOT NULL,
    last_sequence        INTEGER NOT NULL,
    began_at             INTEGER NOT NULL,
    acknowledged_through INTEGER NOT NULL,            -- as it began: what was acknowledged since was pending then
    acknowledged_turn    INTEGER NOT NULL,
    steps                INTEGER NOT NULL DEFAULT 0   -- the jobs take turns
);

-- Idempotency keys, by period, so that an old period goes as one range. Behind the period comes the key, which begins
-- as it was given: those that were made one after another lie together, whatever their accounts.
CREATE TABLE idempotency (
    period      INTEGER NOT NULL,
    account     INTEGER NOT NULL,
    key         BLOB    NOT NULL,
    message     BLOB    NOT NULL,
    sequence    INTEGER NOT NULL,
    accepted_at INTEGER NOT NULL,                     -- part of the message's id, which outlives its row
    PRIMARY KEY (period, key, account)
) WITHOUT ROWID;

CREATE TABLE credential (
    id                INTEGER PRIMARY KEY AUTOINCREMENT,
    name              TEXT    NOT NULL UNIQUE,
    client_id         TEXT    NOT NULL UNIQUE,
    client_secret     BLOB    NOT NULL,
    previous_secret   BLOB,
    previous_secret_until INTEGER,
    username          TEXT    NOT NULL UNIQUE,
    password          TEXT,                           -- an argon2 string, or
    password_digest   BLOB,                           -- a keyed hash
    previous_password TEXT,
    previous_password_digest BLOB,
    previous_password_until INTEGER,
    callbacks         INTEGER NOT NULL,
    publish           INTEGER NOT NULL,
    operate           INTEGER NOT NULL,
    every_account     INTEGER NOT NULL,
    created_at        INTEGER NOT NULL,
    revoked_at        INTEGER
);

CREATE TABLE credential_account (
    credential INTEGER NOT NULL,
    account    INTEGER NOT NULL,
    PRIMARY KEY (credential, account)
) WITHOUT ROWID;

CREATE TABLE token (
    digest     BLOB    PRIMARY KEY,
    credential INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX token_expiry ON token (expires_at);

CREATE TABLE session (
    digest       BLOB    PRIMARY KEY,
    credential   INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX session_use ON session (last_used_at);

CREATE TABLE failed_login (
    credential   INTEGER NOT NULL,
    username     BLOB    NOT NULL,                    -- a keyed hash of what was typed
    failures     INTEGER NOT NULL,
    last_at      INTEGER NOT NULL,
    locked_until INTEGER,
    PRIMARY KEY (credential, username)
) WITHOUT ROWID;
CREATE INDEX failed_login_age ON failed_login (last_at);
