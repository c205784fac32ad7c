-- When the newest line of an alarm became known: what "changed since" must go by, because a reading may arrive late.
-- Null where an older Lifeline wrote the row; then its changed_at stands in.
alter table alarm add column known_at timestamptz;
update alarm set known_at = (line::jsonb ->> 'known_at')::timestamptz;
