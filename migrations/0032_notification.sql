-- compatible: new tables, of which an older Lifeline knows nothing; what it records meanwhile is not told to anyone
-- Messages out of the house: whom to tell what, and the outbox that is written in an alarm's own transaction.

create table notification_file (
    activation bigint generated always as identity primary key,
    version text not null,
    content text not null,  -- alerts.notification_file.NotificationFile as JSON; may hold secrets, so no answer shows it
    imported_at timestamptz not null default now(),
    imported_by text not null,
    in_force boolean not null default true
);
create unique index notification_file_in_force on notification_file (in_force) where in_force;

create table notification (
    notification bigint generated always as identity primary key,
    key text not null unique,             -- the idempotency key that the receiver gets
    channel text not null,
    route text not null,
    kind text not null
        check (kind in ('raised', 'risen', 'released', 'returned', 'escalated', 'digest', 'test')),
    alarm text,                           -- with sequence, the journal line that it tells of; none for digest and test
    sequence integer,
    city text not null,                   -- empty for a test message
    system text not null,
    district text not null,
    mode text not null,
    severity smallint not null,           -- 0 none, 1 blue to 4 red
    rank smallint not null,               -- within its channel the highest goes first
    late boolean not null,
    incident text,                        -- that the alarm belonged to at the time
    details jsonb not null,
    enqueued_at timestamptz not null,     -- when what it tells of became known
    due_at timestamptz not null,          -- sent not earlier
    state text not null check (state in ('pending', 'gathering', 'digested', 'sent', 'dead', 'folded')),
    digest bigint,                        -- the notification that it went into
    folded_into text,                     -- why it was only counted
    attempts integer not null default 0,
    claimed_until timestamptz,            -- whoever sends it has until then
    finished_at timestamptz,              -- sent, or given up
    error text,
    retried_by text
);
create index notification_due on notification (channel, rank desc, notification) where state = 'pending';
create index notification_gathering on notification (due_at) where state = 'gathering';
create index notification_state on notification (state, notification);
create index notification_alarm on notification (alarm) where alarm is not null;
create index notification_digest on notification (digest) where digest is not null;
create index notification_incident on notification (incident) where incident is not null;

-- How each channel does. After a failure nothing is sent through it until `resume_at`.
create table notification_channel (
    channel text primary key,
    failures integer not null default 0,  -- one after the other
    resume_at timestamptz,
    sent_at timestamptz,
    failed_at timestamptz,
    error text
);

-- One row, written before an external address is told that Lifeline lives: a database that takes no writes is silence.
create table heartbeat (
    one boolean primary key default true check (one),
    written_at timestamptz not null
);
