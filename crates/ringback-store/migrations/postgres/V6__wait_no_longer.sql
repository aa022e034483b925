-- Nobody waits for others' rows longer than whoever asked waits for the answer. What gets none of its locks begins again.
ALTER FUNCTION ringback.accept_1 SET lock_timeout = '1s';
ALTER FUNCTION ringback.accept_2 SET lock_timeout = '1s';
ALTER FUNCTION ringback.record_1 SET lock_timeout = '3s';
