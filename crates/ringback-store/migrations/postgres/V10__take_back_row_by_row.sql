-- Takes back the ends of an account's messages, as they wait again. Each is found by its key, which no estimate of how many
-- there are of an account can make the planner forget.
CREATE FUNCTION ringback.take_back_1(p_shard smallint, p_account bigint, p_sequence bigint[], p_position bigint[])
RETURNS void
LANGUAGE plpgsql SET enable_seqscan = off SET jit = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    cut_now bigint;
BEGIN
    SELECT cut INTO cut_now FROM ringback.tape;
    FOR i IN 1 .. coalesce(cardinality(p_sequence), 0) LOOP
        -- Its end is gone, but not that its first attempt succeeded: that is an attempt like any other from now on.
        WITH ended AS (
            DELETE FROM ringback.ending WHERE shard = p_shard AND account = p_account AND sequence = p_sequence[i]
                AND position = p_position[i]
            RETURNING started_at, duration, status
        )
        INSERT INTO ringback.attempt (shard, account, sequence, number, started_at, duration, outcome)
        SELECT p_shard, p_account, p_sequence[i], 1, e.started_at, e.duration, e.status
        FROM ended e WHERE e.status IS NOT NULL
        ON CONFLICT DO NOTHING;
        CONTINUE WHEN p_position[i] > cut_now;
        INSERT INTO ringback.attempt (shard, account, sequence, number, started_at, duration, outcome)
        SELECT p_shard, p_account, p_sequence[i], 1, k.started_at, k.duration, k.status FROM ringback.kept k
        WHERE k.shard = p_shard AND k.account = p_account AND k.sequence = p_sequence[i] AND k.status IS NOT NULL
        ON CONFLICT DO NOTHING;
        UPDATE ringback.kept SET turn = NULL, state = NULL, finished_at = NULL, attempts = NULL, status = NULL,
            started_at = NULL, duration = NULL, death = NULL
        WHERE shard = p_shard AND account = p_account AND sequence = p_sequence[i];
    END LOOP;
END $$;
