-- What was done to sensors: replaced, calibrated, re-zeroed, … Append-only; of several of one sensor, kind and time the
-- newest row counts, and one that is withdrawn counts as none.

create table sensor_event (
    event bigint generated always as identity primary key,
    sensor_key integer not null references sensor,
    kind text not null check (kind in ('replaced', 'calibrated', 'rezeroed', 'maintenance', 'inspected')),
    time timestamptz not null,
    withdrawn boolean not null default false,
    definition jsonb not null,  -- model.sensor_event.SensorEvent, all of it
    recorded_at timestamptz not null default now(),
    recorded_by text not null
);
create index sensor_event_place on sensor_event (sensor_key, kind, time, event);

create function refuse_event_change() returns trigger language plpgsql as $$
begin
    raise exception 'events of sensors are append-only; record one that withdraws or corrects it';
end $$;
create trigger sensor_event_append_only before update or delete or truncate on sensor_event
    for each statement execute function refuse_event_change();
-- Corrections and due dates are part of the registry.
create trigger sensor_event_changed after insert on sensor_event
    for each statement execute function raise_registry_version();
