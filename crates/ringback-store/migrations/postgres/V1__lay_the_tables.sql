-- Everything that a store keeps. Moments are milliseconds since the Unix epoch; an account is its fifteen digits; a shard
-- is the account's, below 1,024.
--
-- What is busy is never updated. A message is appended (`arrival`), its end is appended (`ending`), and both go with their
-- partition; what waits is a small row that comes and goes (`pending`); a lane's state is a new row each time it changes,
-- the newest counts. So a transaction somewhere that holds an old snapshot leaves no chain of dead versions in the way:
-- dead rows lie behind the living in each index, not before them.

CREATE SCHEMA IF NOT EXISTS ringback;

-- One row: what the store says of itself.
CREATE TABLE ringback.store (
    single              boolean PRIMARY KEY DEFAULT true CHECK (single),
    mark                bytea   NOT NULL,               -- random: what the database is known again by
    credentials_version bigint  NOT NULL DEFAULT 0
);

-- One row: how far the retention has cut. What has a position up to `cut` is not in `arrival` any more, whether its
-- partition is there or not; new messages get positions above `floor`.
CREATE TABLE ringback.tape (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    floor bigint  NOT NULL DEFAULT -1,
    cut   bigint  NOT NULL DEFAULT -1
);
INSERT INTO ringback.tape DEFAULT VALUES;

-- One row, which is locked by whoever moves messages that are finished: the retention, a replay.
CREATE TABLE ringback.mover (single boolean PRIMARY KEY DEFAULT true CHECK (single));
INSERT INTO ringback.mover DEFAULT VALUES;

-- ---- Nodes ---------------------------------------------------------------------------------------------------------

CREATE SEQUENCE ringback.node_number AS integer CYCLE;

-- A server that is alive: it says so every few seconds. What it holds is its own until `leased_until`, by the database's
-- clock. Whoever takes a shard away from a node locks that node's row first; whatever a node writes as an owner holds
-- the node's advisory lock as one of many (see the function `of_owner`).
CREATE TABLE ringback.node (
    node         integer PRIMARY KEY,
    name         text    NOT NULL,
    release      text    NOT NULL,
    started_at   timestamptz NOT NULL,
    leased_until timestamptz NOT NULL,
    leaving      boolean NOT NULL DEFAULT false         -- it takes no more
) WITH (fillfactor = 20);

CREATE TABLE ringback.shard (
    shard smallint PRIMARY KEY,
    owner integer,                                      -- a node; null while nobody's
    token bigint   NOT NULL DEFAULT 0                   -- raised each time that it gets an owner: the fence
) WITH (fillfactor = 50);
INSERT INTO ringback.shard (shard) SELECT generate_series(0, 1023);

-- What a node did that the shard's owner has to hear of. The owner deletes what it has heard. A hint may be lost, but
-- not a row here: it is written in the transaction that it tells of.
CREATE TABLE ringback.news (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    shard    smallint NOT NULL,
    account  bigint   NOT NULL,
    standing boolean  NOT NULL                          -- the account's standing changed; else something was accepted
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0);

-- ---- Accounts ------------------------------------------------------------------------------------------------------

-- The account's own decisions. Accepting locks this row and does not change it, but for the first time in a day: the last
-- sequence number is that of the newest message with a position from `tail_from` on, and at least `base_sequence`.
-- A place in the queue is a sequence number and the number of replays until then.
CREATE TABLE ringback.account (
    shard                smallint NOT NULL,
    account              bigint   NOT NULL,
    base_sequence        bigint   NOT NULL DEFAULT 0,
    tail_from            bigint   NOT NULL DEFAULT 0,
    replays              bigint   NOT NULL DEFAULT 0,
    generation           bigint   NOT NULL DEFAULT 0,
    registered           boolean  NOT NULL DEFAULT false,
    pull                 boolean  NOT NULL DEFAULT false,
    releases             bigint   NOT NULL DEFAULT 0,
    reinstatements       bigint   NOT NULL DEFAULT 0,
    cancelled_through    bigint   NOT NULL DEFAULT 0,
    acknowledged_through bigint   NOT NULL DEFAULT 0,
    acknowledged_turn    bigint   NOT NULL DEFAULT 0,
    paused_total         bigint   NOT NULL DEFAULT 0,
    paused_since         bigint,
    PRIMARY KEY (shard, account)
) WITH (fillfactor = 80);
CREATE INDEX account_number ON ringback.account (account);

-- Where an account's messages go: sealed, with the registration that it replaced.
CREATE TABLE ringback.registration (
    shard                  smallint NOT NULL,
    account                bigint   NOT NULL,
    sealed                 bytea,                       -- null once deregistered
    registered_at          bigint,
    replaced               bytea,
    replaced_registered_at bigint,
    replaced_generation    bigint,                      -- restorable only while account.generation is this
    PRIMARY KEY (shard, account)
);

CREATE TABLE ringback.signing_secret (
    shard      smallint NOT NULL,
    account    bigint   NOT NULL,
    number     bigint   NOT NULL,
    sealed     bytea    NOT NULL,
    retires_at bigint,
    PRIMARY KEY (shard, account, number)
);

-- What the endpoint has shown, and the ledger's counters. A change is a new row with the next version, and the one before
-- goes in the same transaction: two who change the same lane at once meet at the key, and one of them begins again.
CREATE TABLE ringback.lane (
    shard               smallint NOT NULL,
    account             bigint   NOT NULL,
    version             bigint   NOT NULL,
    successes           bigint   NOT NULL,
    releases_seen       bigint   NOT NULL,
    reinstatements_seen bigint   NOT NULL,
    health              smallint NOT NULL,              -- 0 open, 1 on hold, 2 suspended
    failures            bigint   NOT NULL,              -- open: failures in a row; on hold: failed probes
    since               bigint,
    probe_at            bigint,
    trouble             integer,
    delivered           bigint   NOT NULL,              -- messages in that state whose rows are here
    dead                bigint   NOT NULL,
    cancelled           bigint   NOT NULL,
    dropped_delivered   bigint   NOT NULL,              -- and those whose rows the retention took
    dropped_dead        bigint   NOT NULL,
    dropped_cancelled   bigint   NOT NULL,
    PRIMARY KEY (shard, account, version)
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0,
        autovacuum_analyze_scale_factor = 0.2, autovacuum_analyze_threshold = 20000);

-- ---- Messages ------------------------------------------------------------------------------------------------------

-- A position orders messages by the time of their acceptance: its milliseconds, and twenty bits of this number.
CREATE SEQUENCE ringback.position_number CACHE 32;

-- A message, as it was accepted: appended once, never changed, dropped with its partition.
CREATE TABLE ringback.arrival (
    shard       smallint NOT NULL,
    account     bigint   NOT NULL,
    sequence    bigint   NOT NULL,
    position    bigint   NOT NULL,
    accepted_at bigint   NOT NULL,
    kind        smallint NOT NULL,
    key         bigint,
    turn        bigint,                                 -- its first place in the queue; null where it is the sequence
    body        bytea    NOT NULL,
    PRIMARY KEY (shard, account, sequence, position)
) PARTITION BY RANGE (position);
ALTER TABLE ringback.arrival ALTER COLUMN body SET STORAGE EXTERNAL;
CREATE INDEX arrival_position ON ringback.arrival (position);

-- How a message ended: appended once; gone again when a person sends the message again.
CREATE TABLE ringback.ending (
    shard       smallint NOT NULL,
    account     bigint   NOT NULL,
    sequence    bigint   NOT NULL,
    position    bigint   NOT NULL,
    turn        bigint   NOT NULL,
    state       smallint NOT NULL,                      -- 1 delivered, 2 dead, 3 cancelled
    finished_at bigint   NOT NULL,
    attempts    integer  NOT NULL,
    status      integer,                                -- of a success at the first attempt: kept inline,
    started_at  bigint,                                 -- with its time and
    duration    bigint,                                 -- its milliseconds
    death       smallint,
    PRIMARY KEY (shard, account, sequence, position)
) PARTITION BY RANGE (position);
-- The retention finds the dead by their age, a search by their place.
CREATE INDEX ending_dead ON ringback.ending (finished_at) WHERE state = 2;
CREATE INDEX ending_dead_position ON ringback.ending (position) WHERE state = 2;

-- Messages that outlive their partition: the dead, the still pending and the lately finished, with their ends.
CREATE TABLE ringback.kept (
    shard       smallint NOT NULL,
    account     bigint   NOT NULL,
    sequence    bigint   NOT NULL,
    position    bigint   NOT NULL,
    accepted_at bigint   NOT NULL,
    kind        smallint NOT NULL,
    key         bigint,
    first_turn  bigint,
    body        bytea    NOT NULL,
    turn        bigint,                                 -- null, like all that follows, while it is pending
    state       smallint,
    finished_at bigint,
    attempts    integer,
    status      integer,
    started_at  bigint,
    duration    bigint,
    death       smallint,
    PRIMARY KEY (shard, account, sequence)
);
ALTER TABLE ringback.kept ALTER COLUMN body SET STORAGE EXTERNAL;
CREATE INDEX kept_position ON ringback.kept (position);
CREATE INDEX kept_dead_position ON ringback.kept (position) WHERE state = 2;
CREATE INDEX kept_age ON ringback.kept (state, finished_at);

-- What waits: small, in the order of each account's queue.
CREATE TABLE ringback.pending (
    shard       smallint NOT NULL,
    account     bigint   NOT NULL,
    turn        bigint   NOT NULL,
    sequence    bigint   NOT NULL,
    position    bigint   NOT NULL,
    key         bigint,
    accepted_at bigint   NOT NULL,
    born        bigint   NOT NULL,                      -- in lane time
    attempts    integer  NOT NULL DEFAULT 0,
    charged     integer  NOT NULL DEFAULT 0,
    due         bigint,                                 -- null until it has been tried
    successes   bigint   NOT NULL DEFAULT 0,
    replay      boolean  NOT NULL DEFAULT false,
    PRIMARY KEY (shard, account, turn)
) WITH (fillfactor = 90,
        autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0,
        autovacuum_vacuum_insert_scale_factor = 0.1, autovacuum_vacuum_insert_threshold = 20000,
        autovacuum_analyze_scale_factor = 0.2, autovacuum_analyze_threshold = 20000);
CREATE INDEX pending_key ON ringback.pending (shard, account, key, turn) WHERE key IS NOT NULL;
CREATE INDEX pending_due ON ringback.pending (shard, account, due, turn) WHERE due IS NOT NULL;
-- Replays wait out of the order of sequences: this is how an acknowledgement finds those that it covers.
CREATE INDEX pending_replay ON ringback.pending (shard, account, sequence) WHERE replay;

-- Attempts, but for a success at the first one.
CREATE TABLE ringback.attempt (
    shard      smallint NOT NULL,
    account    bigint   NOT NULL,
    sequence   bigint   NOT NULL,
    number     integer  NOT NULL,
    started_at bigint   NOT NULL,
    duration   bigint   NOT NULL,
    outcome    integer  NOT NULL,                       -- a status, or a trouble's number
    error      text,
    excerpt    bytea,
    PRIMARY KEY (shard, account, sequence, number)
);

-- Replays of accounts that are under way: at most one each. They go by sequence number.
CREATE TABLE ringback.replay_job (
    shard                smallint NOT NULL,
    account              bigint   NOT NULL,
    state                smallint,                      -- which to send again; null for all that are finished
    since                bigint,
    until                bigint,
    next_sequence        bigint   NOT NULL,
    last_sequence        bigint   NOT NULL,
    began_at             bigint   NOT NULL,
    acknowledged_through bigint   NOT NULL,             -- as it began: what was acknowledged since was pending then
    acknowledged_turn    bigint   NOT NULL,
    steps                bigint   NOT NULL DEFAULT 0,   -- the jobs take turns
    PRIMARY KEY (shard, account)
);

-- Idempotency keys, a partition for each period, so that an old one is dropped. The key comes first: those that were made
-- one after another lie together, whatever their accounts.
CREATE TABLE ringback.idempotency (
    period      integer  NOT NULL,
    shard       smallint NOT NULL,
    account     bigint   NOT NULL,
    key         bytea    NOT NULL,
    message     bytea    NOT NULL,
    sequence    bigint   NOT NULL,
    position    bigint   NOT NULL,
    accepted_at bigint   NOT NULL,                      -- part of the message's id, which outlives its row
    PRIMARY KEY (key, account, shard, period)
) PARTITION BY LIST (period);

-- ---- Who may do what -----------------------------------------------------------------------------------------------

CREATE TABLE ringback.credential (
    id                    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name                  text    NOT NULL UNIQUE,
    client_id             text    NOT NULL UNIQUE,
    client_secret         bytea   NOT NULL,
    previous_secret       bytea,
    previous_secret_until bigint,
    username              text    NOT NULL UNIQUE,
    password              text,                         -- an argon2 string, or
    password_digest       bytea,                        -- a keyed hash
    previous_password     text,
    previous_password_digest bytea,
    previous_password_until bigint,
    callbacks             boolean NOT NULL,
    publish               boolean NOT NULL,
    operate               boolean NOT NULL,
    every_account         boolean NOT NULL,
    created_at            bigint  NOT NULL,
    revoked_at            bigint
);

CREATE TABLE ringback.credential_account (
    credential bigint NOT NULL,
    account    bigint NOT NULL,
    PRIMARY KEY (credential, account)
);

CREATE TABLE ringback.token (
    digest     bytea  PRIMARY KEY,
    credential bigint NOT NULL,
    expires_at bigint NOT NULL
);
CREATE INDEX token_expiry ON ringback.token (expires_at);
CREATE INDEX token_credential ON ringback.token (credential);

CREATE TABLE ringback.session (
    digest       bytea  PRIMARY KEY,
    credential   bigint NOT NULL,
    last_used_at bigint NOT NULL
);
CREATE INDEX session_use ON ringback.session (last_used_at);
CREATE INDEX session_credential ON ringback.session (credential);

CREATE TABLE ringback.failed_login (
    credential   bigint NOT NULL,
    username     bytea  NOT NULL,                       -- a keyed hash of what was typed
    failures     bigint NOT NULL,
    last_at      bigint NOT NULL,
    locked_until bigint,
    PRIMARY KEY (credential, username)
);
CREATE INDEX failed_login_age ON ringback.failed_login (last_at);

-- The keys that the store is sealed with: one, or two while it is being re-sealed. The keys themselves are not here.
-- Whoever seals locks the newest row FOR SHARE, in the transaction that keeps what was sealed; whoever adds or retires
-- a key locks it FOR UPDATE. So nothing is sealed with an old key once the new one is there.
CREATE TABLE ringback.sealing_key (
    number bigint PRIMARY KEY,                          -- the highest seals
    id     bytea  NOT NULL,                             -- made from the key one-way
    pepper bytea  NOT NULL,                             -- sealed with this key, whose check value it is
    other  bytea                                        -- the other key, sealed with this one, while there is another
);

-- The audit log: who did what. A bounded number of the newest is kept.
CREATE TABLE ringback.act (
    number     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at         bigint NOT NULL,
    credential bigint NOT NULL,
    by         text   NOT NULL,
    account    bigint,
    what       text   NOT NULL
);
CREATE INDEX act_account ON ringback.act (account, number) WHERE account IS NOT NULL;

-- Who is in trouble is found without looking at all accounts. A healthy account is in none of these indexes.
CREATE INDEX lane_closed ON ringback.lane (health, since) WHERE health > 0;
CREATE INDEX lane_failing ON ringback.lane (failures) WHERE health = 0 AND failures > 0;
CREATE INDEX lane_dead ON ringback.lane (dead) WHERE dead > 0;
CREATE INDEX account_paused ON ringback.account (paused_since) WHERE paused_since IS NOT NULL;
