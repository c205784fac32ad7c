-- The way of a reading: registry, log of batches, readings, quarantine; then alarms, journal and the evaluator's place.

create table city (
    city text primary key,
    name text not null default '',
    name_zh text not null default '',
    time_zone text not null,
    mode text not null check (mode in ('operational', 'exercise', 'test'))
);

create table sensor (
    sensor_key integer generated always as identity primary key,
    sensor text not null unique,
    city text not null references city,
    system text not null,
    property text not null,
    district text not null,
    longitude double precision,
    latitude double precision,
    definition jsonb not null  -- every field of the sensor, as registered
);
create index sensor_city on sensor (city, system);
create index sensor_place on sensor (latitude, longitude);

-- One row. Whoever changes the registry or the rules raises its version, so that the parts that hold a copy notice.
create table registry_version (
    one boolean primary key default true check (one),
    version bigint not null
);
insert into registry_version (version) values (1);

create function raise_registry_version() returns trigger language plpgsql as $$
begin
    update registry_version set version = version + 1;
    perform pg_notify('registry', '');
    return null;
end $$;
create trigger sensor_changed after insert or update or delete on sensor
    for each statement execute function raise_registry_version();
create trigger city_changed after insert or update or delete on city
    for each statement execute function raise_registry_version();

-- The log of what happened, in the order in which it happened. A batch without readings is a tick of its clock.
create table batch (
    sequence bigint primary key,
    arrived_at timestamptz not null,
    readings integer not null,
    rejections integer not null,
    duplicates integer not null,
    oldest_time timestamptz,
    newest_time timestamptz
);

create table reading (
    time timestamptz not null,
    value double precision not null,
    batch bigint not null,
    sensor_key integer not null,
    position smallint not null,  -- within the batch, in order of arrival
    quality smallint not null,   -- bits of model.reading.Quality
    primary key (sensor_key, time)
);
do $$
begin
    if exists (select from pg_extension where extname = 'timescaledb') then
        perform create_hypertable('reading', 'time', chunk_time_interval => interval '7 days',
                                  create_default_indexes => false);
    end if;
end $$;
create index reading_batch on reading using brin (batch) with (pages_per_range = 16);

-- A second, different value for a key that is taken: the first stands.
create table conflict (
    conflict bigint generated always as identity primary key,
    sensor_key integer not null,
    time timestamptz not null,
    value double precision not null,
    quality smallint not null,
    batch bigint not null
);
create index conflict_sensor on conflict (sensor_key, time);

-- Readings that came after a newer one of their sensor had been evaluated.
create table late_reading (
    sensor_key integer not null,
    time timestamptz not null,
    batch bigint not null,
    primary key (sensor_key, time)
);

create table rejection (
    rejection bigint generated always as identity primary key,
    arrived_at timestamptz not null,
    batch bigint not null,
    topic text not null,
    payload bytea not null,
    payload_bytes integer not null,
    reason text not null,
    detail text not null,
    sensor text
);
create index rejection_arrived on rejection (arrived_at);

create table rule_pack (
    activation bigint generated always as identity primary key,
    pack text not null,
    version text not null,
    content text not null,
    activated_at timestamptz not null,
    activated_by text not null,
    in_force boolean not null default true
);
create unique index rule_pack_in_force on rule_pack (pack) where in_force;
create trigger rule_pack_changed after insert or update or delete on rule_pack
    for each statement execute function raise_registry_version();

create table alarm (
    alarm text primary key,
    rule text not null,
    kind text not null,
    sensor text not null,
    city text not null,
    system text not null,
    district text not null,
    class text not null,
    state text not null,
    severity smallint not null,       -- 0 none, 1 blue to 4 red
    peak_severity smallint not null,
    priority text not null,
    condition text not null,
    mode text not null,
    sequence integer not null,        -- of the newest line
    raised_at timestamptz not null,   -- phenomenon time
    changed_at timestamptz not null,  -- phenomenon time of the newest line
    event bigint not null,            -- of the newest line
    facts jsonb not null,             -- model.alarm.Alarm, all of it
    line text not null                -- the newest line, as journalled
);
create index alarm_open on alarm (raised_at, alarm) where state <> 'normal';
create index alarm_raised on alarm (raised_at, alarm);
create index alarm_sensor on alarm (sensor);
create index alarm_active on alarm (sensor, kind) where condition <> 'normal';

-- Append-only. `event` rises in the order of commits without holes and is the id of the event on the feed.
create table journal (
    event bigint primary key,
    alarm text not null references alarm deferrable initially deferred,
    sequence integer not null,
    time timestamptz not null,
    city text not null,
    system text not null,
    district text not null,
    line text not null,
    unique (alarm, sequence)
);
create index journal_time on journal (time);

create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'the journal is append-only';
end $$;
create trigger journal_append_only before update or delete or truncate on journal
    for each statement execute function refuse_change();

-- What an actor asked for under an idempotency key, and what came of it.
create table action (
    idempotency_key text primary key,
    alarm text not null,
    action text not null,
    actor text not null,
    acted_at timestamptz not null,
    line text not null
);

create table evaluation_cursor (
    one boolean primary key default true check (one),
    batch bigint not null,
    clock timestamptz
);
insert into evaluation_cursor (batch) values (0);

-- What the engine was bound to: rules, sensors and cities at one version of the registry. With a checkpoint of that
-- version and the log after it, the engine is what it was.
create table engine_binding (
    version bigint primary key,
    definition bytea not null
);

create table checkpoint (
    batch bigint primary key,
    version bigint not null references engine_binding,
    state bytea not null
);

create table api_key (
    key_hash bytea primary key,       -- sha256 of the key
    label text not null,
    role text not null,
    areas text[] not null,            -- cities, or {*} for all
    created_at timestamptz not null,
    revoked_at timestamptz
);
create unique index api_key_label on api_key (label) where revoked_at is null;  -- a label names the actor in the journal
