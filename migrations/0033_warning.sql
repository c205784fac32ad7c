-- compatible: new tables alone.
-- Warnings to the public and to government. Kept for ever, as the journal is: some kilobytes a message.
create table warning (
    warning text primary key,         -- city, day and number of the day
    city text not null,
    mode text not null,
    alarm text,
    incident text,
    scope text not null check (scope in ('Public', 'Restricted')),
    state text not null,
    version integer not null,
    changed_at timestamptz not null,
    expires_at timestamptz,
    facts jsonb not null              -- model.warning.Warned, all of it
);
create index warning_changed on warning (changed_at, warning);
create index warning_alarm on warning (alarm);
create index warning_incident on warning (incident) where incident is not null;

-- Append-only: who did what to a warning, and the draft that came of it.
create table warning_step (
    step bigint generated always as identity primary key,
    warning text not null references warning,
    version integer not null,         -- of the warning after it
    acted_at timestamptz not null,
    act text not null,
    actor text not null,
    state text not null,              -- of the warning after it
    comment text,
    content jsonb,                    -- model.warning.Content of the draft or message
    identifier text,                  -- of the message that was sent
    idempotency_key text not null unique,
    unique (warning, version)
);

-- Append-only: the CAP messages as they were sent.
create table cap_message (
    identifier text primary key,
    warning text not null references warning,
    message_type text not null,
    scope text not null,
    city text not null,
    mode text not null,
    alarm text,
    sent_at timestamptz not null,
    content jsonb not null,           -- model.warning.Content
    document text not null            -- the XML
);
create index cap_message_sent on cap_message (sent_at, identifier);
create index cap_message_alarm on cap_message (alarm, sent_at);

create function refuse_warning_change() returns trigger language plpgsql as $$
begin
    raise exception 'steps and messages of warnings are append-only';
end $$;
create trigger warning_step_append_only before update or delete or truncate on warning_step
    for each statement execute function refuse_warning_change();
create trigger cap_message_append_only before update or delete or truncate on cap_message
    for each statement execute function refuse_warning_change();

-- How a city warns: its levels and their names, its sender's name, its geocodes. The newest row of a city counts.
create table city_warnings (
    change bigint generated always as identity primary key,
    city text not null references city,
    changed_at timestamptz not null,
    changed_by text not null,
    definition jsonb not null         -- model.warning_level.CityWarnings
);
create index city_warnings_newest on city_warnings (city, change);
