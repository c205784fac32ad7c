-- What became of a rejection, the counts of those that were not kept, gaps in devices' sequences, the course of sensors.

alter table rejection
    add column handling text check (handling in ('requested', 'replayed', 'refused', 'discarded')),
    add column handled_at timestamptz,    -- of the newest step
    add column handled_by text,           -- who asked for it
    add column result text,               -- what came of it, in words
    add column replay_topic text,         -- as corrected; null: as it came
    add column replay_payload bytea;
create index rejection_requested on rejection (rejection) where handling = 'requested';

-- Rejections that were counted and not kept, because too many of a kind came in one minute of the arrival clock.
create table rejection_count (
    minute timestamptz not null,
    reason text not null,
    scope text not null,                  -- the city of the topics, the sensor where a rate limit was exceeded, or ''
    rejections bigint not null,
    payload_bytes bigint not null,
    primary key (minute, reason, scope)
);

-- Numbers that are missing in a device's own count of its readings. `source` is a sensor, or `gateway/{city}/{gateway}`.
create table gap (
    source text not null,
    from_sequence bigint not null,
    to_sequence bigint not null,          -- the last one missing
    missing int8multirange not null,      -- those of them that have not come since
    first_seen_at timestamptz not null,   -- time of the reading that showed the gap
    filled_at timestamptz,                -- arrival of the last one that was missing
    primary key (source, first_seen_at, from_sequence)
);
create index gap_open on gap (source) where filled_at is null;

-- The last sequence of the sources in a batch, packed; only what follows the newest checkpoint is needed.
create table sequence_log (
    batch bigint primary key,
    content bytea not null
);

-- The state of the checks on a sensor's course at a batch of the log; `layout` names its form.
create table course_checkpoint (
    worker text primary key,
    batch bigint not null,
    layout text not null,
    course bytea not null,
    sequences bytea not null
);
