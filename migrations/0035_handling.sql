-- compatible: tables of their own, in which an older Lifeline does not look
-- Who is on duty, and until when what has to be done about alarms.

-- A city's file, the one in force and its history.
create table roster_file (
    activation bigint generated always as identity primary key,
    city text not null references city,
    version text not null,
    content text not null,            -- model.roster.RosterFile as JSON
    imported_at timestamptz not null default now(),
    imported_by text not null,
    in_force boolean not null default true
);
create unique index roster_file_in_force on roster_file (city) where in_force;

-- What is awaited for an alarm. A row goes when it has come, or when all steps of its escalation have been taken.
create table deadline (
    alarm text not null references alarm,
    awaited text not null check (awaited in ('acknowledge', 'assign', 'accept', 'arrive', 'resolve', 'verify')),
    since_at timestamptz not null,
    deadline_at timestamptz not null,
    steps_taken smallint not null default 0,
    due_at timestamptz not null,      -- when the next step is taken
    primary key (alarm, awaited)
);
create index deadline_due on deadline (due_at, alarm);

-- By how far they are dealt with, also what has returned.
create index alarm_step on alarm (handling, raised_at, alarm) where handling is not null;
