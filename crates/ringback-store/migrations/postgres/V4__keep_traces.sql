-- The trace that a message was published in, beside its body: 16 bytes of its id, 8 of the span, 1 of flags. Null for most,
-- and what an older release takes in or sets aside has none.
ALTER TABLE ringback.arrival ADD COLUMN trace bytea;
ALTER TABLE ringback.kept ADD COLUMN trace bytea;

-- Takes messages in. The accounts come each once, in the order of their keys; a message names its account by its place
-- there. Verdicts: 0 queued, 1 duplicate, 2 conflict, 3 unregistered, 4 the account is full, 5 the store is full.
CREATE FUNCTION ringback.accept_2(
    p_node integer, p_most bigint, p_most_in_all bigint, p_has_keys boolean,
    a_shard smallint[], a_account bigint[],
    m_account integer[], m_now bigint[], m_kind smallint[], m_key bigint[], m_body bytea[],
    m_name bytea[], m_content bytea[], m_period integer[], m_trace bytea[]
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
        INSERT INTO ringback.arrival (shard, account, sequence, position, accepted_at, kind, key, turn, body, trace)
        SELECT t.shard, t.account, t.sequence, t.position, t.now, t.kind, t.key,
            nullif(t.turn, t.sequence), m_body[t.ord], m_trace[t.ord]
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
