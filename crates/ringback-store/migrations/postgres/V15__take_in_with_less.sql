-- Takes messages in. The accounts come each once, in the order of their keys, with the earliest time of their messages; a
-- message names its account by its place there, and which of its account's messages it is; no key comes twice for an account.
-- Each row tells of one thing (`o_what`):
--
-- - a message, in their order: 0 queued, 1 duplicate, 2 conflict, 3 unregistered, 4 the account is full, 5 the store is full;
-- - before them what other nodes took in for an account of this node's, if this node has heard of its queue up to `a_heard` and
--   little is behind that: 6 a place in the queue, 7 a body, each in no certain order; where a place has no body, it and what is
--   behind it in the queue are to be read;
-- - before those, for each account whose messages others have to hear of, or whose callbacks wait elsewhere: 8, with the two.
--
-- What is known of the accounts and keys is fetched row by row, by an index, into arrays; then one pass goes over the
-- messages. Nothing is joined, and what is newest is read from an index's end and never sorted out of all that is there: so
-- no plan can be a bad one, whatever the tables were like when it was made, and the plans are kept. What a batch has nothing of
-- (keys, accounts that are other nodes') is not looked for in its messages, and what the caller knows is not told.
CREATE FUNCTION ringback.accept_5(
    p_node integer, p_most bigint, p_most_in_all bigint, p_has_keys boolean,
    a_shard smallint[], a_account bigint[], a_now bigint[], a_heard bigint[],
    m_account integer[], m_nth bigint[], m_now bigint[], m_kind smallint[], m_key bigint[], m_body bytea[],
    m_name bytea[], m_content bytea[], m_period integer[], m_trace bytea[]
) RETURNS TABLE (
    o_what smallint, o_ord bigint, o_sequence bigint, o_turn bigint, o_position bigint, o_born bigint,
    o_accepted_at bigint, o_state smallint, o_key bigint, o_body bytea, o_trace bytea, o_told boolean, o_behind boolean
)
LANGUAGE plpgsql SET enable_seqscan = off SET jit = off SET plan_cache_mode = force_generic_plan SET lock_timeout = '1s' AS $$
#variable_conflict use_column
DECLARE
    -- What is brought along with one batch at most: messages, and bytes of their bodies. Its accounts have equal shares.
    most_brought CONSTANT integer := greatest(512 / greatest(cardinality(a_shard), 1), 1);
    most_bytes   CONSTANT bigint := 2097152 / greatest(cardinality(a_shard), 1);
    floor_millis bigint;
    room_in_all  bigint;
    some_are_others boolean;
    -- By account. `a_behind`: it is another node's, whose callbacks wait.
    a_known boolean[]; a_keeps boolean[]; a_own boolean[]; a_behind boolean[];
    a_last bigint[]; a_replays bigint[]; a_paused_total bigint[]; a_paused_since bigint[]; a_room bigint[];
    a_tail bigint[]; a_day bigint[];
    -- By message: which it is of those that are new, and what its key was used for before.
    nths bigint[] := m_nth;
    k_content bytea[]; k_sequence bigint[]; k_position bigint[]; k_accepted_at bigint[];
BEGIN
    IF p_node > 0 THEN PERFORM pg_advisory_xact_lock_shared(1919512167, p_node); END IF;
    -- Whoever raises the tape's floor waits for those that have read it before.
    PERFORM pg_advisory_xact_lock_shared(1919512167, -1);
    PERFORM 1 FROM unnest(a_shard, a_account) AS i (shard, account)
        CROSS JOIN LATERAL (SELECT FROM ringback.account a
            WHERE a.shard = i.shard AND a.account = i.account FOR NO KEY UPDATE) locked;
    SELECT floor >> 20 INTO floor_millis FROM ringback.tape;
    SELECT p_most_in_all - greatest(reltuples, 0)::bigint INTO room_in_all FROM pg_class
        WHERE oid = 'ringback.pending'::regclass;
    SELECT array_agg(o.known ORDER BY o.at), array_agg(o.keeps ORDER BY o.at), array_agg(o.own ORDER BY o.at),
        array_agg(o.behind ORDER BY o.at), NOT bool_and(o.own),
        array_agg(o.last ORDER BY o.at), array_agg(o.replays ORDER BY o.at),
        array_agg(o.paused_total ORDER BY o.at), array_agg(o.paused_since ORDER BY o.at),
        array_agg(o.tail_from ORDER BY o.at),
        array_agg((greatest(o.now, floor_millis + 1) / 86400000 * 86400000) << 20 ORDER BY o.at),
        array_agg(CASE WHEN o.last + cardinality(m_account) <= p_most THEN p_most
            ELSE p_most - o.last + coalesce((SELECT l.delivered + l.dead + l.cancelled
                    + l.dropped_delivered + l.dropped_dead + l.dropped_cancelled
                FROM ringback.lane l WHERE l.shard = o.shard AND l.account = o.account
                ORDER BY l.version DESC LIMIT 1), 0) END ORDER BY o.at)
    INTO a_known, a_keeps, a_own, a_behind, some_are_others, a_last, a_replays, a_paused_total, a_paused_since, a_tail,
        a_day, a_room
    FROM (
        SELECT i.at, i.shard, i.account, i.now, a.account IS NOT NULL AS known,
            coalesce(a.registered OR a.pull, false) AS keeps, coalesce(s.owner = p_node, false) AS own,
            coalesce(s.owner <> p_node AND (SELECT n.behind_until > clock_timestamp() FROM ringback.node n
                WHERE n.node = s.owner), false) AS behind,
            coalesce(a.replays, 0) AS replays, coalesce(a.paused_total, 0) AS paused_total, a.paused_since,
            coalesce(a.tail_from, 0) AS tail_from,
            greatest(a.base_sequence, coalesce((SELECT r.sequence FROM ringback.arrival r
                WHERE r.shard = a.shard AND r.account = a.account AND r.position >= a.tail_from
                ORDER BY r.sequence DESC LIMIT 1), 0)) AS last
        FROM unnest(a_shard, a_account, a_now) WITH ORDINALITY AS i (shard, account, now, at)
        LEFT JOIN LATERAL (SELECT * FROM ringback.account a
            WHERE a.shard = i.shard AND a.account = i.account LIMIT 1) a ON true
        LEFT JOIN LATERAL (SELECT * FROM ringback.shard s WHERE s.shard = i.shard LIMIT 1) s ON true
    ) o;
    -- The first time in a day: from here on the last sequence number is looked for in that day's messages.
    FOR at IN 1 .. cardinality(a_shard) LOOP
        IF a_day[at] <> a_tail[at] AND a_keeps[at] THEN
            UPDATE ringback.account SET base_sequence = a_last[at], tail_from = a_day[at]
                WHERE shard = a_shard[at] AND account = a_account[at];
        END IF;
    END LOOP;
    IF p_has_keys THEN
        SELECT array_agg(k.message ORDER BY m.ord), array_agg(k.sequence ORDER BY m.ord),
            array_agg(k.position ORDER BY m.ord), array_agg(k.accepted_at ORDER BY m.ord)
        INTO k_content, k_sequence, k_position, k_accepted_at
        FROM unnest(m_account, m_name, m_period) WITH ORDINALITY AS m (at, name, period, ord)
        LEFT JOIN LATERAL (SELECT * FROM ringback.idempotency k
            WHERE k.key = m.name AND k.account = a_account[m.at] AND k.shard = a_shard[m.at]
                AND k.period IN (m.period - 1, m.period, m.period + 1)
            ORDER BY k.period = m.period DESC LIMIT 1) k ON m.name IS NOT NULL AND a_known[m.at];
        SELECT array_agg(n.nth ORDER BY n.ord) INTO nths
        FROM (SELECT m.ord, count(*) FILTER (WHERE k_sequence[m.ord] IS NULL)
                OVER (PARTITION BY m.at ORDER BY m.ord ROWS UNBOUNDED PRECEDING) AS nth
            FROM unnest(m_account) WITH ORDINALITY AS m (at, ord)) n;
    END IF;
    FOR at IN 1 .. cardinality(a_shard) LOOP
        IF a_behind[at] OR NOT a_own[at] THEN
            o_what := 8; o_ord := at; o_told := NOT a_own[at]; o_behind := a_behind[at];
            RETURN NEXT;
        END IF;
    END LOOP;
    FOR at IN 1 .. cardinality(a_shard) LOOP
        IF a_own[at] AND a_last[at] + a_replays[at] - a_heard[at] BETWEEN 1 AND most_brought THEN
            RETURN QUERY SELECT 6::smallint, at::bigint, p.sequence, p.turn, p.position, p.born, p.accepted_at, NULL::smallint,
                p.key, NULL::bytea, NULL::bytea, NULL::boolean, NULL::boolean
            FROM (SELECT * FROM ringback.pending p WHERE p.shard = a_shard[at] AND p.account = a_account[at]
                AND p.turn > a_heard[at] ORDER BY p.turn LIMIT most_brought) p
            WHERE p.attempts = 0 AND NOT p.replay;
            -- It was heard of up to there lately: what is of the day before that is read.
            IF FOUND THEN
                RETURN QUERY SELECT 7::smallint, at::bigint, o.sequence, NULL::bigint, NULL::bigint, NULL::bigint, NULL::bigint,
                    NULL::smallint, NULL::bigint, o.body, o.trace, NULL::boolean, NULL::boolean
                FROM (
                    SELECT r.*, sum(octet_length(r.body)) OVER (ORDER BY r.sequence ROWS UNBOUNDED PRECEDING) AS bytes
                    FROM (SELECT r.sequence, r.body, r.trace FROM ringback.arrival r
                        WHERE r.shard = a_shard[at] AND r.account = a_account[at]
                            AND r.sequence > a_heard[at] - a_replays[at] AND r.sequence <= a_last[at]
                            AND r.position >= a_day[at] - (86400000::bigint << 20)
                        ORDER BY r.sequence LIMIT most_brought) r
                ) o
                WHERE o.bytes <= most_bytes;
            END IF;
        END IF;
    END LOOP;
    RETURN QUERY
    WITH judged AS MATERIALIZED (
        -- The numbers of the positions go by the order of the messages.
        SELECT v.*, a_last[v.at] + v.nth AS sequence, a_last[v.at] + v.nth + a_replays[v.at] AS turn,
            least(coalesce(a_paused_since[v.at], v.now), v.now) - a_paused_total[v.at] AS born,
            CASE WHEN v.verdict = 0 THEN (greatest(v.now, floor_millis + 1) << 20)
                | (nextval('ringback.position_number') & 1048575) END AS position
        FROM (
            SELECT m.*, (CASE
                    WHEN NOT a_known[m.at] THEN 3
                    WHEN k_sequence[m.ord] IS NOT NULL THEN CASE WHEN k_content[m.ord] = m_content[m.ord] THEN 1 ELSE 2 END
                    WHEN NOT a_keeps[m.at] THEN 3
                    WHEN m.nth > a_room[m.at] THEN 4
                    WHEN m.ord > room_in_all THEN 5
                    ELSE 0
                END)::smallint AS verdict
            FROM unnest(m_account, nths, m_now, m_kind, m_key) WITH ORDINALITY AS m (at, nth, now, kind, key, ord)
        ) v
    ), arrived AS (
        INSERT INTO ringback.arrival (shard, account, sequence, position, accepted_at, kind, key, turn, body, trace)
        SELECT a_shard[j.at], a_account[j.at], j.sequence, j.position, j.now, j.kind, j.key,
            nullif(j.turn, j.sequence), m_body[j.ord], m_trace[j.ord]
        FROM judged j WHERE j.verdict = 0
    ), waits AS (
        INSERT INTO ringback.pending (shard, account, turn, sequence, position, key, accepted_at, born)
        SELECT a_shard[j.at], a_account[j.at], j.turn, j.sequence, j.position, j.key, j.now, j.born
        FROM judged j WHERE j.verdict = 0
    ), named AS (
        INSERT INTO ringback.idempotency (period, shard, account, key, message, sequence, position, accepted_at)
        SELECT m_period[j.ord], a_shard[j.at], a_account[j.at], m_name[j.ord], m_content[j.ord], j.sequence, j.position, j.now
        FROM judged j WHERE p_has_keys AND j.verdict = 0 AND m_name[j.ord] IS NOT NULL
    ), told AS (
        INSERT INTO ringback.news (shard, account, standing, turn)
        SELECT a_shard[j.at], a_account[j.at], false, max(j.turn) FROM judged j
        WHERE some_are_others AND j.verdict = 0 AND NOT a_own[j.at] GROUP BY j.at
    )
    SELECT j.verdict, j.ord, coalesce(k_sequence[j.ord], j.sequence), j.turn, coalesce(k_position[j.ord], j.position), j.born,
        k_accepted_at[j.ord],
        CASE WHEN j.verdict = 1 THEN ringback.state_of_1(a_shard[j.at], a_account[j.at], k_sequence[j.ord],
            k_position[j.ord]) END,
        NULL::bigint, NULL::bytea, NULL::bytea, NULL::boolean, NULL::boolean
    FROM judged j;
END $$;
