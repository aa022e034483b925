-- The trace that a message was published in, beside its body: 16 bytes of its id, 8 of the span, 1 of flags. Null for most.
ALTER TABLE body ADD COLUMN trace BLOB;
ALTER TABLE kept_body ADD COLUMN trace BLOB;
