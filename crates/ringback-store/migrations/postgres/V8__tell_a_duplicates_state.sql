-- The state that a message is in, by its rows and by its account's standing, as a search tells it. What is younger than a key
-- is only ever dropped for want of room, and then it was delivered.
CREATE OR REPLACE FUNCTION ringback.state_of_1(p_shard smallint, p_account bigint, p_sequence bigint, p_position bigint)
RETURNS smallint LANGUAGE sql STABLE AS $$
    SELECT CASE
        WHEN f.state IS NULL THEN 1
        WHEN f.state > 0 THEN f.state
        WHEN p_sequence <= a.acknowledged_through AND w.turn <= a.acknowledged_turn THEN 1
        WHEN w.turn <= a.cancelled_through THEN 3
        ELSE 0
    END::smallint
    FROM ringback.account a
    CROSS JOIN ringback.tape t
    LEFT JOIN LATERAL (
        SELECT coalesce(e.state, 0::smallint) AS state, coalesce(r.turn, r.sequence) AS turn
        FROM ringback.arrival r
        LEFT JOIN LATERAL (SELECT * FROM ringback.ending e WHERE e.shard = r.shard AND e.account = r.account
            AND e.sequence = r.sequence AND e.position = r.position LIMIT 1) e ON true
        WHERE p_position > t.cut AND r.shard = p_shard AND r.account = p_account AND r.sequence = p_sequence
            AND r.position = p_position
        UNION ALL
        SELECT coalesce(k.state, 0::smallint), coalesce(k.first_turn, k.sequence)
        FROM ringback.kept k
        WHERE p_position <= t.cut AND k.shard = p_shard AND k.account = p_account AND k.sequence = p_sequence
        LIMIT 1
    ) f ON true
    LEFT JOIN LATERAL (
        -- Sent again, it waits at another place.
        SELECT coalesce((SELECT p.turn FROM ringback.pending p WHERE p.shard = p_shard AND p.account = p_account
            AND p.sequence = p_sequence AND p.replay), f.turn) AS turn
    ) w ON true
    WHERE a.shard = p_shard AND a.account = p_account
$$;
