-- compatible: tables of their own, in which an older Lifeline does not look
-- How far the journal has been published, for each broker that it goes to: all up to `event` is acknowledged there.
create table outgoing_cursor (
    target text primary key,          -- `own`, or `northbound HOST:PORT`
    event bigint not null,
    opened boolean not null           -- whether the alarms that stood when it was made have been told
);
-- A new deployment tells from its first event on, an old one from the present.
insert into outgoing_cursor (target, event, opened) select 'own', 0, true where not exists (select from journal);

-- A city (or park) that publishes to this deployment, by what it said last.
create table province_city (
    city text primary key,
    admitted boolean not null,        -- else it is kept apart until the registry knows it
    first_heard_at timestamptz not null,
    heard_at timestamptz,             -- arrival of the newest status, by our clock
    published_at timestamptz,         -- of the newest status, by the city's own clock
    status text,                      -- the newest status, as it came
    silent_since timestamptz,         -- null while it is heard
    silence_alarm text                -- the alarm in our own journal that tells of it
);

-- Every journal line of theirs, once; which comes first does not matter.
create table province_line (
    city text not null,
    alarm text not null,
    sequence integer not null,
    arrival bigint not null unique,   -- numbered in the order of commits, without holes
    received_at timestamptz not null,
    line text not null,               -- as it came
    primary key (city, alarm, sequence)
);

-- What the lines of an alarm that are here add up to.
create table province_alarm (
    city text not null,
    alarm text not null,
    rule text not null,
    kind text not null,
    sensor text not null,
    system text not null,
    district text not null,
    class text not null,
    state text not null,              -- in the city
    severity smallint not null,
    peak_severity smallint not null,
    condition text not null,
    mode text not null,
    sequence integer not null,        -- of the newest line
    missing integer not null,         -- lines before it that are not here
    escalated_sequence integer not null,              -- the newest line that needs a person's eyes
    acknowledged_sequence integer not null default 0, -- the newest line that was acknowledged here
    raised_at timestamptz not null,
    changed_at timestamptz not null,
    received_at timestamptz not null, -- of the newest line
    arrival bigint not null,          -- of the newest line
    line text not null,               -- the newest line, as it came
    own_state text not null generated always as (
        case when state in ('shelved', 'suppressed_by_design', 'out_of_service') then state
             when acknowledged_sequence >= escalated_sequence
             then case when condition = 'normal' then 'normal' else 'acknowledged' end
             else case when condition = 'normal' then 'returned_unacknowledged' else 'unacknowledged' end
        end) stored,
    primary key (city, alarm)
);
create index province_alarm_open on province_alarm (raised_at, alarm, city) where state <> 'normal';
create index province_alarm_raised on province_alarm (raised_at, alarm, city);

-- What was acknowledged here; it never goes down to the city.
create table province_acknowledgement (
    idempotency_key text primary key,
    city text not null,
    alarm text not null,
    sequence integer not null,        -- the newest line that was seen
    actor text not null,
    acknowledged_at timestamptz not null,
    comment text,
    answer text not null,
    foreign key (city, alarm) references province_alarm
);
create index province_acknowledgement_alarm on province_acknowledgement (city, alarm, acknowledged_at);

create trigger province_line_append_only before update or delete or truncate on province_line
    for each statement execute function refuse_change();
