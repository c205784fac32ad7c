-- compatible: new tables, of which an older Lifeline knows nothing; what it records meanwhile joins no incident
-- Incidents: alarms and reports from people that belong together. They are kept as long as the journal is.

create table incident (
    incident text primary key,
    city text not null,
    mode text not null,
    systems text[] not null,
    opened_at timestamptz not null,   -- phenomenon time of the first member's cause
    newest_at timestamptz not null,   -- and of the last one's
    known_at timestamptz not null,    -- of its first change
    changed_at timestamptz not null,  -- of its last change
    closed_at timestamptz,
    merged_into text,
    severity smallint not null,       -- the highest of its members so far, 0 none, 1 blue to 4 red
    members integer not null,
    standing integer not null,        -- members whose condition has not returned
    version integer not null,
    cause jsonb not null,             -- model.incident.Cause
    apart text[] not null default '{}'  -- incidents with which it is not merged again by itself
);
create index incident_opened on incident (opened_at, incident) where merged_into is null;
create index incident_newest on incident (city, mode, newest_at) where merged_into is null;

create table incident_member (
    member text primary key,          -- the alarm, or the report
    kind text not null check (kind in ('alarm', 'report')),
    incident text not null references incident,
    joined_at timestamptz not null,
    relation text not null,
    why jsonb not null,               -- model.incident.Reason
    standing boolean not null,
    facts jsonb not null              -- model.incident.Member
);
create index incident_member_incident on incident_member (incident);

-- Append-only: what was known when, and who did what.
create table incident_change (
    change bigint generated always as identity primary key,
    incident text not null references incident,
    version integer not null,         -- the incident's, with it
    time timestamptz not null,
    what text not null
        check (what in ('opened', 'joined', 'merged', 'split', 'cause_revised', 'closed', 'reopened')),
    members text[] not null,
    other text,
    cause jsonb,
    actor text,                       -- null: by the rules of grouping
    note text
);
create index incident_change_incident on incident_change (incident, change);
create trigger incident_change_append_only before update or delete or truncate on incident_change
    for each statement execute function refuse_change();

-- One row each, a new random version with every change: what a process holds in memory of another version is read anew.
create table incident_version (
    one boolean primary key default true check (one),
    version uuid not null
);
insert into incident_version (version) values (gen_random_uuid());

create table network_version (
    one boolean primary key default true check (one),
    version uuid not null
);
insert into network_version (version) values (gen_random_uuid());
create function change_network_version() returns trigger language plpgsql as $$
begin
    update network_version set version = gen_random_uuid();
    return null;
end $$;
create trigger network_node_changed after insert or update or delete on network_node
    for each statement execute function change_network_version();
create trigger network_link_changed after insert or update or delete on network_link
    for each statement execute function change_network_version();

-- What people report: callers, patrols, drones, grid workers. No personal data.
create table report (
    report bigint generated always as identity primary key,
    city text not null,
    mode text not null,
    kind text not null,
    system text not null,
    source text not null,
    longitude double precision not null,
    latitude double precision not null,
    time timestamptz not null,
    received_at timestamptz not null,
    text text,
    photograph text,
    reference text,
    actor text not null,              -- the label of the key that sent it
    found boolean,                    -- null until somebody has looked
    verified_by text,
    verified_at timestamptz,
    note text,
    check (verified_by is distinct from actor)
);
create index report_time on report (time, report);
create index report_city on report (city, report);
