-- Records outcomes and lanes, if the node holds all the shards with these tokens; else gives those that it does not hold,
-- and nothing is recorded. An end: 1 delivered, 2 dead, 3 cancelled; 0 for one that waits again. A message comes once.
--
-- Each row is found by its key, one by one, and then deleted or changed by its place: nothing that is large is joined, and what
-- is newest is read from an index's end. So no plan can be a bad one, whatever the tables were like when it was made and
-- whatever an old snapshot keeps in them, and the plans are kept. All that most batches need is one statement; what they
-- seldom have in them comes behind it.
CREATE FUNCTION ringback.record_2(
    p_node integer, f_shard smallint[], f_token bigint[],
    s_shard smallint[], s_account bigint[], s_turn bigint[], s_sequence bigint[], s_now bigint[], s_attempts integer[],
    s_end smallint[], s_death smallint[], s_due bigint[], s_charged integer[], s_successes bigint[],
    s_status integer[], s_started bigint[], s_duration bigint[],
    t_of bigint[], t_number integer[], t_started bigint[], t_duration bigint[], t_outcome integer[], t_error text[],
    t_excerpt bytea[],
    l_shard smallint[], l_account bigint[], l_successes bigint[], l_releases bigint[], l_reinstatements bigint[],
    l_health smallint[], l_failures bigint[], l_since bigint[], l_probe_at bigint[], l_trouble integer[]
) RETURNS TABLE (o_refused smallint[], o_delivered bigint, o_dead bigint, o_cancelled bigint)
LANGUAGE plpgsql SET enable_seqscan = off SET enable_sort = off SET jit = off SET plan_cache_mode = force_generic_plan
SET lock_timeout = '3s' AS $$
#variable_conflict use_column
DECLARE
    refused smallint[];
    cut_then bigint;
    cut_now bigint;
    -- How many are to leave the queue, how many have left it, and the first position of those on the tape.
    leaving bigint; left_it bigint; lowest bigint;
    -- Numbers of messages: those that waited there; that wait again, with their places; that end and were set aside; and
    -- that have more attempts than are kept.
    waited bigint[]; again bigint[]; again_tid tid[]; aside bigint[]; aside_outcome smallint[]; too_many bigint[];
    ord bigint;
BEGIN
    PERFORM pg_advisory_xact_lock_shared(1919512167, p_node);
    SELECT array_agg(f.shard) INTO refused FROM unnest(f_shard, f_token) AS f (shard, token)
        LEFT JOIN LATERAL (SELECT * FROM ringback.shard s WHERE s.shard = f.shard LIMIT 1) s
            ON s.owner = p_node AND s.token = f.token
        WHERE s.shard IS NULL;
    IF refused IS NOT NULL THEN
        RETURN QUERY SELECT refused, 0::bigint, 0::bigint, 0::bigint;
        RETURN;
    END IF;
    SELECT cut INTO cut_then FROM ringback.tape;
    WITH message AS MATERIALIZED (
        SELECT i.*, p.tid, p.position, (CASE
                WHEN i.ends = 1 THEN 1
                WHEN i.sequence <= a.acknowledged_through AND i.turn <= a.acknowledged_turn THEN 1
                WHEN i.turn <= a.cancelled_through THEN 3
                ELSE i.ends
            END)::smallint AS outcome
        FROM unnest(s_shard, s_account, s_turn, s_sequence, s_now, s_attempts, s_end, s_death, s_status, s_started,
                    s_duration) WITH ORDINALITY
            AS i (shard, account, turn, sequence, now, attempts, ends, death, status, started, duration, ord)
        CROSS JOIN LATERAL (SELECT p.ctid AS tid, p.position FROM ringback.pending p
            WHERE p.shard = i.shard AND p.account = i.account AND p.turn = i.turn AND p.sequence = i.sequence LIMIT 1) p
        LEFT JOIN LATERAL (SELECT * FROM ringback.account a
            WHERE i.ends <> 1 AND a.shard = i.shard AND a.account = i.account LIMIT 1) a ON true
    ), gone AS (
        DELETE FROM ringback.pending WHERE ctid = ANY (ARRAY(SELECT m.tid FROM message m WHERE m.outcome > 0))
        RETURNING 1
    ), ended AS (
        INSERT INTO ringback.ending (shard, account, sequence, position, turn, state, finished_at, attempts, status,
            started_at, duration, death)
        SELECT m.shard, m.account, m.sequence, m.position, m.turn, m.outcome, m.now, m.attempts, m.status,
            m.started, m.duration, CASE WHEN m.outcome = 2 THEN m.death END
        FROM message m WHERE m.outcome > 0 AND m.position > cut_then
    ), lane AS MATERIALIZED (
        SELECT coalesce(l.shard, c.shard) AS shard, coalesce(l.account, c.account) AS account,
            l.successes, l.releases, l.reinstatements, l.health, l.failures, l.since, l.probe_at, l.trouble,
            coalesce(c.delivered, 0) AS delivered, coalesce(c.dead, 0) AS dead, coalesce(c.cancelled, 0) AS cancelled
        FROM unnest(l_shard, l_account, l_successes, l_releases, l_reinstatements, l_health, l_failures, l_since,
                    l_probe_at, l_trouble)
            AS l (shard, account, successes, releases, reinstatements, health, failures, since, probe_at, trouble)
        FULL JOIN (SELECT m.shard, m.account, count(*) FILTER (WHERE m.outcome = 1) AS delivered,
                       count(*) FILTER (WHERE m.outcome = 2) AS dead,
                       count(*) FILTER (WHERE m.outcome = 3) AS cancelled
                   FROM message m WHERE m.outcome > 0 GROUP BY m.shard, m.account) c
            ON c.account = l.account
    ), changed AS MATERIALIZED (
        SELECT n.*, o.tid, o.version, o.successes AS old_successes, o.releases_seen, o.reinstatements_seen,
            o.health AS old_health, o.failures AS old_failures, o.since AS old_since, o.probe_at AS old_probe_at,
            o.trouble AS old_trouble, o.delivered AS old_delivered, o.dead AS old_dead,
            o.cancelled AS old_cancelled, o.dropped_delivered, o.dropped_dead, o.dropped_cancelled
        FROM (SELECT * FROM lane ORDER BY shard, account) n
        LEFT JOIN LATERAL (SELECT o.ctid AS tid, o.* FROM ringback.lane o
            WHERE o.shard = n.shard AND o.account = n.account ORDER BY o.version DESC LIMIT 1) o ON true
    ), superseded AS (
        -- Where somebody else was faster this finds nothing, and what is put is refused.
        DELETE FROM ringback.lane WHERE ctid = ANY (ARRAY(SELECT c.tid FROM changed c WHERE c.tid IS NOT NULL))
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
    SELECT (SELECT count(*) FROM gone), count(*) FILTER (WHERE m.outcome > 0),
        min(m.position) FILTER (WHERE m.outcome > 0 AND m.position > cut_then),
        count(*) FILTER (WHERE m.outcome = 1), count(*) FILTER (WHERE m.outcome = 2),
        count(*) FILTER (WHERE m.outcome = 3), array_agg(m.ord),
        array_agg(m.ord) FILTER (WHERE m.outcome = 0), array_agg(m.tid) FILTER (WHERE m.outcome = 0),
        array_agg(m.ord) FILTER (WHERE m.outcome > 0 AND m.position <= cut_then),
        array_agg(m.outcome) FILTER (WHERE m.outcome > 0 AND m.position <= cut_then),
        array_agg(m.ord) FILTER (WHERE m.attempts > 100)
    INTO left_it, leaving, lowest, o_delivered, o_dead, o_cancelled, waited, again, again_tid, aside, aside_outcome, too_many
    FROM message m;
    FOR i IN 1 .. coalesce(cardinality(again), 0) LOOP
        ord := again[i];
        UPDATE ringback.pending
        SET attempts = s_attempts[ord], charged = s_charged[ord], due = s_due[ord], successes = s_successes[ord]
        WHERE ctid = again_tid[i];
        IF NOT FOUND THEN left_it := -1; END IF;
    END LOOP;
    FOR i IN 1 .. coalesce(cardinality(aside), 0) LOOP
        ord := aside[i];
        UPDATE ringback.kept
        SET turn = s_turn[ord], state = aside_outcome[i], finished_at = s_now[ord], attempts = s_attempts[ord],
            status = s_status[ord], started_at = s_started[ord], duration = s_duration[ord],
            death = CASE WHEN aside_outcome[i] = 2 THEN s_death[ord] END
        WHERE shard = s_shard[ord] AND account = s_account[ord] AND sequence = s_sequence[ord];
    END LOOP;
    IF cardinality(t_of) > 0 THEN
        INSERT INTO ringback.attempt (shard, account, sequence, number, started_at, duration, outcome, error, excerpt)
        SELECT s_shard[t.ord], s_account[t.ord], s_sequence[t.ord], t.number, t.started, t.duration, t.outcome, t.error,
            t.excerpt
        FROM unnest(t_of, t_number, t_started, t_duration, t_outcome, t_error, t_excerpt)
            AS t (ord, number, started, duration, outcome, error, excerpt)
        JOIN unnest(waited) AS w (ord) ON w.ord = t.ord
        ON CONFLICT (shard, account, sequence, number) DO UPDATE
        SET started_at = excluded.started_at, duration = excluded.duration, outcome = excluded.outcome,
            error = excluded.error, excerpt = excluded.excerpt;
    END IF;
    FOR i IN 1 .. coalesce(cardinality(too_many), 0) LOOP
        ord := too_many[i];
        DELETE FROM ringback.attempt WHERE shard = s_shard[ord] AND account = s_account[ord]
            AND sequence = s_sequence[ord] AND number <= s_attempts[ord] - 100;
    END LOOP;
    IF left_it <> leaving THEN
        RAISE EXCEPTION 'a message was settled meanwhile' USING ERRCODE = 'serialization_failure';
    END IF;
    -- A message that the retention set aside while this waited for its row has its end elsewhere: all once more.
    SELECT cut INTO cut_now FROM ringback.tape;
    IF lowest <= cut_now THEN
        RAISE EXCEPTION 'the retention was at the same messages' USING ERRCODE = 'serialization_failure';
    END IF;
    RETURN NEXT;
END $$;
