-- Whether the session with the broker stood since the batch before: where it did not, silence says nothing of sensors.
alter table batch add column listening boolean not null default true;
