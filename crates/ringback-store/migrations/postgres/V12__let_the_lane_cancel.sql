-- A message that is to be tried again is not cancelled as its outcome is recorded, though its account has cancelled it: its
-- lane may not have heard of that, and would deliver what counts as cancelled. It waits on, and the lane sweeps it once it has
-- heard. (What would be dead is cancelled.)
DO $$
DECLARE
    before text := pg_get_functiondef('ringback.record_2'::regproc);
    rule text := 'WHEN i.turn <= a.cancelled_through THEN 3';
BEGIN
    IF position(rule IN before) = 0 THEN
        RAISE EXCEPTION 'ringback.record_2 is not as step 9 made it';
    END IF;
    EXECUTE replace(before, rule, 'WHEN i.ends = 2 AND i.turn <= a.cancelled_through THEN 3');
END $$;
