-- Which server answers, as far as that matters: its timeline, which is another one after each promotion. What was seen on the server
-- before it may be lacking here. Null where the database does not tell; then no change of it is noticed.
CREATE FUNCTION ringback.timeline_1() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RETURN left(pg_walfile_name(pg_current_wal_lsn()), 8);
EXCEPTION WHEN OTHERS THEN
    RETURN NULL;
END $$;

-- A position is a millisecond and a number that comes again after a million. A session that keeps some for later may have one at hand that
-- has come again meanwhile.
ALTER SEQUENCE ringback.position_number CACHE 1;
