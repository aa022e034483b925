-- The busy acts, each as one statement: one way there and back, one commit, and a plan that the server keeps by itself,
-- whatever pooler stands before it. Within a function each statement sees what was committed before it began: what comes
-- behind a lock is up to date.
--
-- A function's name bears its version. One that an older release still calls is never changed, but for its faults.

-- The partitions of a day. Whoever finds one missing makes it.
CREATE FUNCTION ringback.make_day_1(p_day bigint) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    low  bigint := (p_day * 86400000) << 20;
    high bigint := ((p_day + 1) * 86400000) << 20;
BEGIN
    PERFORM pg_advisory_xact_lock(1919512167, 0);
    -- Attached, not made in place: that locks nobody out who reads or writes.
    IF to_regclass(format('ringback.arrival_%s', p_day)) IS NULL THEN
        EXECUTE format('CREATE TABLE ringback.arrival_%s (LIKE ringback.arrival INCLUDING ALL)', p_day);
        EXECUTE format('ALTER TABLE ringback.arrival ATTACH PARTITION ringback.arrival_%s FOR VALUES FROM (%s) TO (%s)',
            p_day, low, high);
        EXECUTE format('CREATE TABLE ringback.ending_%s (LIKE ringback.ending INCLUDING ALL)', p_day);
        EXECUTE format('ALTER TABLE ringback.ending ATTACH PARTITION ringback.ending_%s FOR VALUES FROM (%s) TO (%s)',
            p_day, low, high);
    END IF;
    IF to_regclass(format('ringback.idempotency_%s', p_day)) IS NULL THEN
        EXECUTE format('CREATE TABLE ringback.idempotency_%s (LIKE ringback.idempotency INCLUDING ALL)', p_day);
        EXECUTE format('ALTER TABLE ringback.idempotency ATTACH PARTITION ringback.idempotency_%s FOR VALUES IN (%s)',
            p_day, p_day);
    END IF;
END $$;

-- Takes messages in. The accounts come each once, in the order of their keys; a message names its account by its place
-- there. Verdicts: 0 queued, 1 duplicate, 2 conflict, 3 unregistered, 4 the account is full, 5 the store is full.
CREATE FUNCTION ringback.accept_1(
    p_node integer, p_most bigint, p_most_in_all bigint, p_has_keys boolean,
    a_shard smallint[], a_account bigint[],
    m_account integer[], m_now bigint[], m_kind smallint[], m_key bigint[], m_body bytea[],
    m_name bytea[], m_content bytea[], m_period integer[]
) RETURNS TABLE (
    o_ord bigint, o_verdict smallint, o_sequence bigint, o_turn bigint, o_position bigint, o_accepted_at bigint,
    o_born bigint, o_state smallint, o_told boolean
)
LANGUAGE plpgsql SET enable_seqscan = off SET jit = off AS $$
#variable_conflict use_column
BEGIN
    IF p_node > 0 THEN PERFORM pg_advisory_xact_lock_shared(1919512167, p_node); END IF;
    -- Whoever raises the tape's floor waits for those that have read it before.
    PERFORM pg_advisory_xact_lock_shared(1919512167, -1);
    PERFORM 1 FROM unnest(a_shard, a_account) AS i (shard, account)
        JOIN ringback.account a ON a.shard = i.shard AND a.account = i.account
        ORDER BY a.shard, a.account FOR NO KEY UPDATE OF a;
    RETURN QUERY
    WITH owner AS MATERIALIZED (
        SELECT i.at, i.shard, i.account, a.registered OR a.pull AS keeps, a.account IS NOT NULL AS is_known,
            a.tail_from, a.replays, a.paused_total, a.paused_since,
            coalesce(s.owner = p_node, false) AS is_own,
            greatest(a.base_sequence, coalesce((SELECT r.sequence FROM ringback.arrival r
                WHERE r.shard = a.shard AND r.account = a.account AND r.position >= a.tail_from
                ORDER BY r.sequence DESC LIMIT 1), 0)) AS last
        FROM unnest(a_shard, a_account) WITH ORDINALITY AS i (shard, account, at)
        LEFT JOIN ringback.account a ON a.shard = i.shard AND a.account = i.account
        LEFT JOIN ringback.shard s ON s.shard = i.shard
    ), message AS MATERIALIZED (
        SELECT m.ord, m.at, m.now, m.kind, m.key, m.name, m.content, m.period,
            CASE WHEN m.name IS NULL THEN m.ord ELSE min(m.ord) OVER (PARTITION BY m.at, m.name) END AS first_ord
        FROM unnest(m_account, m_now, m_kind, m_key, m_name, m_content, m_period)
            WITH ORDINALITY AS m (at, now, kind, key, name, content, period, ord)
    ), before AS MATERIALIZED (
        SELECT m.ord, k.message, k.sequence, k.position, k.accepted_at, o.shard, o.account
        FROM message m JOIN owner o ON o.at = m.at
        CROSS JOIN LATERAL (SELECT * FROM ringback.idempotency k
            WHERE k.key = m.name AND k.account = o.account AND k.shard = o.shard
                AND k.period IN (m.period - 1, m.period, m.period + 1)
            ORDER BY k.period = m.period DESC LIMIT 1) k
        WHERE p_has_keys AND m.name IS NOT NULL AND o.is_known
    ), candidate AS MATERIALIZED (
        SELECT m.ord, m.at, row_number() OVER (PARTITION BY m.at ORDER BY m.ord) AS nth,
            row_number() OVER (ORDER BY m.ord) AS nth_of_all
        FROM message m JOIN owner o ON o.at = m.at
        WHERE o.keeps AND m.ord = m.first_ord AND NOT EXISTS (SELECT FROM before b WHERE b.ord = m.ord)
    ), room AS MATERIALIZED (
        SELECT o.at, CASE
            WHEN o.last + (SELECT count(*) FROM candidate c WHERE c.at = o.at) <= p_most THEN p_most
            ELSE p_most - o.last + coalesce((SELECT l.delivered + l.dead + l.cancelled
                    + l.dropped_delivered + l.dropped_dead + l.dropped_cancelled
                FROM ringback.lane l WHERE l.shard = o.shard AND l.account = o.account
                ORDER BY l.version DESC LIMIT 1), 0)
            END AS left_over
        FROM owner o
    ), in_all AS MATERIALIZED (
        SELECT p_most_in_all - (SELECT greatest(c.reltuples, 0)::bigint FROM pg_class c
                                WHERE c.oid = 'ringback.pending'::regclass) AS left_over
    ), taken AS MATERIALIZED (
        -- The numbers of the positions go by the order of the messages.
        SELECT q.*, (greatest(q.now, (q.floor >> 20) + 1) << 20)
            | (nextval('ringback.position_number') & 1048575) AS position
        FROM (
            SELECT m.ord, m.now, m.kind, m.key, m.name, m.content, m.period, o.at, o.shard, o.account, o.is_own,
                o.last, o.tail_from, o.last + c.nth AS sequence, o.last + c.nth + o.replays AS turn, t.floor,
                least(coalesce(o.paused_since, m.now), m.now) - o.paused_total AS born
            FROM candidate c
            JOIN message m ON m.ord = c.ord JOIN owner o ON o.at = c.at JOIN room r ON r.at = c.at
            CROSS JOIN in_all CROSS JOIN ringback.tape t
            WHERE c.nth <= r.left_over AND c.nth_of_all <= in_all.left_over
            ORDER BY m.ord
        ) q
    ), arrived AS (
        INSERT INTO ringback.arrival (shard, account, sequence, position, accepted_at, kind, key, turn, body)
        SELECT t.shard, t.account, t.sequence, t.position, t.now, t.kind, t.key,
            nullif(t.turn, t.sequence), m_body[t.ord]
        FROM taken t
    ), waits AS (
        INSERT INTO ringback.pending (shard, account, turn, sequence, position, key, accepted_at, born)
        SELECT t.shard, t.account, t.turn, t.sequence, t.position, t.key, t.now, t.born FROM taken t
    ), named AS (
        INSERT INTO ringback.idempotency (period, shard, account, key, message, sequence, position, accepted_at)
        SELECT t.period, t.shard, t.account, t.name, t.content, t.sequence, t.position, t.now
        FROM taken t WHERE t.name IS NOT NULL
    ), first_of_day AS (
        UPDATE ringback.account a SET base_sequence = d.last, tail_from = d.day
        FROM (SELECT t.shard, t.account, t.last, t.tail_from,
                  (((min(t.position) >> 20) / 86400000) * 86400000) << 20 AS day
              FROM taken t GROUP BY 1, 2, 3, 4) d
        WHERE a.shard = d.shard AND a.account = d.account AND d.day <> d.tail_from
    ), told AS (
        INSERT INTO ringback.news (shard, account, standing)
        SELECT DISTINCT t.shard, t.account, false FROM taken t WHERE NOT t.is_own
    )
    SELECT m.ord,
        (CASE
            WHEN NOT o.is_known THEN 3
            WHEN b.ord IS NOT NULL THEN CASE WHEN b.message = m.content THEN 1 ELSE 2 END
            WHEN NOT o.keeps THEN 3
            WHEN t.ord = m.ord THEN 0
            WHEN t.ord IS NOT NULL THEN CASE WHEN t.content = m.content THEN 1 ELSE 2 END
            WHEN c.nth > r.left_over THEN 4
            ELSE 5
        END)::smallint,
        coalesce(b.sequence, t.sequence), t.turn, coalesce(b.position, t.position),
        coalesce(b.accepted_at, t.now), t.born,
        CASE WHEN b.ord IS NULL THEN 0::smallint ELSE ringback.state_of_1(b.shard, b.account, b.sequence, b.position) END,
        coalesce(NOT t.is_own, false)
    FROM message m
    JOIN owner o ON o.at = m.at
    JOIN room r ON r.at = m.at
    LEFT JOIN before b ON b.ord = m.ord
    LEFT JOIN taken t ON t.ord = m.first_ord
    LEFT JOIN candidate c ON c.ord = m.first_ord
    ORDER BY m.ord;
END $$;

-- The state that a message's rows say it is in. What is younger than a key is only ever dropped for want of room, and
-- then it was delivered.
CREATE FUNCTION ringback.state_of_1(p_shard smallint, p_account bigint, p_sequence bigint, p_position bigint)
RETURNS smallint LANGUAGE sql STABLE AS $$
    SELECT coalesce(
        CASE WHEN p_position > t.cut THEN coalesce(
            (SELECT e.state FROM ringback.ending e WHERE e.shard = p_shard AND e.account = p_account
                 AND e.sequence = p_sequence AND e.position = p_position),
            (SELECT 0::smallint FROM ringback.arrival r WHERE r.shard = p_shard AND r.account = p_account
                 AND r.sequence = p_sequence AND r.position = p_position))
        ELSE
            (SELECT coalesce(k.state, 0::smallint) FROM ringback.kept k WHERE k.shard = p_shard
                 AND k.account = p_account AND k.sequence = p_sequence)
        END, 1::smallint)
    FROM ringback.tape t
$$;

-- Records outcomes and lanes, if the node holds all the shards with these tokens; else gives those that it does not hold,
-- and nothing is recorded. An end: 1 delivered, 2 dead, 3 cancelled; 0 for one that waits again.
CREATE FUNCTION ringback.record_1(
    p_node integer, f_shard smallint[], f_token bigint[],
    s_shard smallint[], s_account bigint[], s_turn bigint[], s_sequence bigint[], s_now bigint[], s_attempts integer[],
    s_end smallint[], s_death smallint[], s_due bigint[], s_charged integer[], s_successes bigint[],
    s_status integer[], s_started bigint[], s_duration bigint[],
    t_of bigint[], t_number integer[], t_started bigint[], t_duration bigint[], t_outcome integer[], t_error text[],
    t_excerpt bytea[],
    l_shard smallint[], l_account bigint[], l_successes bigint[], l_releases bigint[], l_reinstatements bigint[],
    l_health smallint[], l_failures bigint[], l_since bigint[], l_probe_at bigint[], l_trouble integer[]
) RETURNS TABLE (o_refused smallint[], o_delivered bigint, o_dead bigint, o_cancelled bigint)
LANGUAGE plpgsql SET enable_seqscan = off SET jit = off AS $$
#variable_conflict use_column
DECLARE
    refused smallint[];
    cut_then bigint;
    cut_now bigint;
    lowest bigint;
BEGIN
    PERFORM pg_advisory_xact_lock_shared(1919512167, p_node);
    SELECT array_agg(f.shard) INTO refused FROM unnest(f_shard, f_token) AS f (shard, token)
        LEFT JOIN ringback.shard s ON s.shard = f.shard AND s.owner = p_node AND s.token = f.token
        WHERE s.shard IS NULL;
    IF refused IS NOT NULL THEN
        RETURN QUERY SELECT refused, 0::bigint, 0::bigint, 0::bigint;
        RETURN;
    END IF;
    SELECT cut INTO cut_then FROM ringback.tape;
    WITH wanted AS MATERIALIZED (
        SELECT i.*, CASE
                WHEN i.ends = 1 THEN 1
                WHEN i.sequence <= a.acknowledged_through AND i.turn <= a.acknowledged_turn THEN 1
                WHEN i.turn <= a.cancelled_through THEN 3
                ELSE i.ends
            END AS outcome
        FROM unnest(s_shard, s_account, s_turn, s_sequence, s_now, s_attempts, s_end, s_death, s_due, s_charged,
                    s_successes, s_status, s_started, s_duration) WITH ORDINALITY
            AS i (shard, account, turn, sequence, now, attempts, ends, death, due, charged, successes, status,
                  started, duration, ord)
        LEFT JOIN ringback.account a ON i.ends <> 1 AND a.shard = i.shard AND a.account = i.account
    ), taken AS (
        DELETE FROM ringback.pending p USING wanted w
        WHERE w.outcome > 0 AND p.shard = w.shard AND p.account = w.account AND p.turn = w.turn
            AND p.sequence = w.sequence
        RETURNING w.ord, w.shard, w.account, w.sequence, w.turn, w.now, w.attempts, w.outcome, w.status, w.started,
            w.duration, CASE WHEN w.outcome = 2 THEN w.death END AS death, p.position
    ), again AS (
        UPDATE ringback.pending p
        SET attempts = w.attempts, charged = w.charged, due = w.due, successes = w.successes
        FROM wanted w
        WHERE w.outcome = 0 AND p.shard = w.shard AND p.account = w.account AND p.turn = w.turn
            AND p.sequence = w.sequence
        RETURNING w.ord
    ), ended AS (
        INSERT INTO ringback.ending (shard, account, sequence, position, turn, state, finished_at, attempts, status,
            started_at, duration, death)
        SELECT t.shard, t.account, t.sequence, t.position, t.turn, t.outcome, t.now, t.attempts, t.status,
            t.started, t.duration, t.death
        FROM taken t WHERE t.position > cut_then
    ), ended_aside AS (
        UPDATE ringback.kept k
        SET turn = t.turn, state = t.outcome, finished_at = t.now, attempts = t.attempts, status = t.status,
            started_at = t.started, duration = t.duration, death = t.death
        FROM taken t
        WHERE t.position <= cut_then AND k.shard = t.shard AND k.account = t.account AND k.sequence = t.sequence
    ), tried AS (
        INSERT INTO ringback.attempt (shard, account, sequence, number, started_at, duration, outcome, error, excerpt)
        SELECT w.shard, w.account, w.sequence, t.number, t.started, t.duration, t.outcome, t.error, t.excerpt
        FROM unnest(t_of, t_number, t_started, t_duration, t_outcome, t_error, t_excerpt)
            AS t (ord, number, started, duration, outcome, error, excerpt)
        JOIN wanted w ON w.ord = t.ord
        WHERE t.ord IN (SELECT ord FROM taken UNION ALL SELECT ord FROM again)
        ON CONFLICT (shard, account, sequence, number) DO UPDATE
        SET started_at = excluded.started_at, duration = excluded.duration, outcome = excluded.outcome,
            error = excluded.error, excerpt = excluded.excerpt
    ), too_many AS (
        DELETE FROM ringback.attempt a USING wanted w
        WHERE w.attempts > 100 AND a.shard = w.shard AND a.account = w.account AND a.sequence = w.sequence
            AND a.number <= w.attempts - 100
    ), lane AS MATERIALIZED (
        SELECT coalesce(l.shard, c.shard) AS shard, coalesce(l.account, c.account) AS account,
            l.successes, l.releases, l.reinstatements, l.health, l.failures, l.since, l.probe_at, l.trouble,
            coalesce(c.delivered, 0) AS delivered, coalesce(c.dead, 0) AS dead, coalesce(c.cancelled, 0) AS cancelled
        FROM unnest(l_shard, l_account, l_successes, l_releases, l_reinstatements, l_health, l_failures, l_since,
                    l_probe_at, l_trouble)
            AS l (shard, account, successes, releases, reinstatements, health, failures, since, probe_at, trouble)
        FULL JOIN (SELECT t.shard, t.account, count(*) FILTER (WHERE t.outcome = 1) AS delivered,
                       count(*) FILTER (WHERE t.outcome = 2) AS dead,
                       count(*) FILTER (WHERE t.outcome = 3) AS cancelled
                   FROM taken t GROUP BY t.shard, t.account) c
            ON c.account = l.account
    ), changed AS MATERIALIZED (
        SELECT n.*, o.version, o.successes AS old_successes, o.releases_seen, o.reinstatements_seen,
            o.health AS old_health, o.failures AS old_failures, o.since AS old_since, o.probe_at AS old_probe_at,
            o.trouble AS old_trouble, o.delivered AS old_delivered, o.dead AS old_dead,
            o.cancelled AS old_cancelled, o.dropped_delivered, o.dropped_dead, o.dropped_cancelled
        FROM (SELECT * FROM lane ORDER BY shard, account) n
        LEFT JOIN LATERAL (SELECT * FROM ringback.lane o WHERE o.shard = n.shard AND o.account = n.account
            ORDER BY o.version DESC LIMIT 1) o ON true
    ), superseded AS (
        DELETE FROM ringback.lane o USING changed c
        WHERE o.shard = c.shard AND o.account = c.account AND o.version = c.version
    ), put AS (
        INSERT INTO ringback.lane (shard, account, version, successes, releases_seen, reinstatements_seen, health,
            failures, since, probe_at, trouble, delivered, dead, cancelled, dropped_delivered, dropped_dead,
            dropped_cancelled)
        SELECT c.shard, c.account, coalesce(c.version, 0) + 1,
            coalesce(c.successes, c.old_successes, 0), coalesce(c.releases, c.releases_seen, 0),
            coalesce(c.reinstatements, c.reinstatements_seen, 0), coalesce(c.health, c.old_health, 0),
            coalesce(c.failures, c.old_failures, 0),
            CASE WHEN c.health IS NULL THEN c.old_since ELSE c.since END,
            CASE WHEN c.health IS NULL THEN c.old_probe_at ELSE c.probe_at END,
            CASE WHEN c.health IS NULL THEN c.old_trouble ELSE c.trouble END,
            coalesce(c.old_delivered, 0) + c.delivered, coalesce(c.old_dead, 0) + c.dead,
            coalesce(c.old_cancelled, 0) + c.cancelled, coalesce(c.dropped_delivered, 0),
            coalesce(c.dropped_dead, 0), coalesce(c.dropped_cancelled, 0)
        FROM changed c
    )
    SELECT min(position) FILTER (WHERE position > cut_then), count(*) FILTER (WHERE outcome = 1),
        count(*) FILTER (WHERE outcome = 2), count(*) FILTER (WHERE outcome = 3)
    INTO lowest, o_delivered, o_dead, o_cancelled FROM taken;
    -- A message that the retention set aside while this waited for its row has its end elsewhere: all once more.
    SELECT cut INTO cut_now FROM ringback.tape;
    IF lowest <= cut_now THEN
        RAISE EXCEPTION 'the retention was at the same messages' USING ERRCODE = 'serialization_failure';
    END IF;
    RETURN NEXT;
END $$;
