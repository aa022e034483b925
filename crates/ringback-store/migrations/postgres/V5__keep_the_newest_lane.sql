-- A lane's newest row counts, so what is put must be the newest. Two who change a lane at once meet at its key, unless so much
-- time lies between them that one finds the key free again: the other's row has gone, superseded by a newer one. Whoever comes
-- so late begins again. A statement of its own sees all that was committed before the row could be put.
CREATE FUNCTION ringback.lane_is_newest_1() RETURNS trigger
LANGUAGE plpgsql SET enable_seqscan = off SET jit = off AS $$
BEGIN
    PERFORM FROM put p
        CROSS JOIN LATERAL (SELECT l.version FROM ringback.lane l
            WHERE l.shard = p.shard AND l.account = p.account ORDER BY l.version DESC LIMIT 1) newest
        WHERE newest.version > p.version;
    IF FOUND THEN
        RAISE EXCEPTION 'a lane has changed meanwhile' USING ERRCODE = 'serialization_failure';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER newest AFTER INSERT ON ringback.lane REFERENCING NEW TABLE AS put
    FOR EACH STATEMENT EXECUTE FUNCTION ringback.lane_is_newest_1();
