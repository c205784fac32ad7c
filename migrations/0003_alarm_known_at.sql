-- When the newest line of an alarm became known: what "changed since" must go by, because a reading may arrive late.
alter table alarm add column known_at timestamptz;
update alarm set known_at = (line::jsonb ->> 'known_at')::timestamptz;
alter table alarm alter column known_at set not null;
