-- Deletes messages that have ended and their ends from the tape. Each is found by its key: joined with all of a day's, as the
-- planner would while it takes the day for an empty one, they would be looked for from its one end to the other.
CREATE FUNCTION ringback.forget_1(p_shard smallint[], p_account bigint[], p_sequence bigint[], p_position bigint[])
RETURNS void
LANGUAGE plpgsql SET enable_seqscan = off SET jit = off SET plan_cache_mode = force_generic_plan AS $$
DECLARE
    newest record;
BEGIN
    -- The last number may be one of theirs, and is not to be forgotten with it.
    FOR newest IN SELECT m.shard, m.account, max(m.sequence) AS sequence
        FROM unnest(p_shard, p_account, p_sequence) AS m (shard, account, sequence)
        GROUP BY m.shard, m.account ORDER BY m.shard, m.account
    LOOP
        UPDATE ringback.account SET base_sequence = newest.sequence
        WHERE shard = newest.shard AND account = newest.account AND base_sequence < newest.sequence;
    END LOOP;
    FOR i IN 1 .. coalesce(cardinality(p_sequence), 0) LOOP
        DELETE FROM ringback.arrival WHERE shard = p_shard[i] AND account = p_account[i]
            AND sequence = p_sequence[i] AND position = p_position[i];
        DELETE FROM ringback.ending WHERE shard = p_shard[i] AND account = p_account[i]
            AND sequence = p_sequence[i] AND position = p_position[i];
    END LOOP;
END $$;
