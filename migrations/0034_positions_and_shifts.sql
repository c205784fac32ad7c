-- compatible: an older Lifeline tells no flood, and alarms are as they were
-- Operators' positions, the floods of alarms that they stood in, and the hand-overs between shifts.

-- What no position of a city takes goes to the city's own, `{city}.default`, which has no row.
create table position (
    position text primary key check (position ~ '^[A-Za-z0-9_-]{1,64}$'),
    city text not null references city,
    name text not null default '',
    name_zh text not null default '',
    districts text[] not null default '{}',  -- empty: all
    systems text[] not null default '{}',    -- empty: all
    changed_at timestamptz not null,
    changed_by text not null
);
create index position_city on position (city);

-- The newest annunciations of a position, as many as it takes to tell a flood.
create table flood_watch (
    position text not null,
    mode text not null,
    recent jsonb not null,
    primary key (position, mode)
);

create table flood (
    flood bigint generated always as identity primary key,
    position text not null,
    city text not null,
    mode text not null,
    began_at timestamptz not null,
    ends_at timestamptz not null,   -- when it is over, if nothing more comes
    ended_at timestamptz,
    first_out text not null,        -- the alarm that came first of those that made it a flood
    annunciated integer not null,   -- from the first-out alarm to the end
    red boolean not null            -- whether a red alarm was among them
);
create unique index flood_present on flood (position, mode) where ended_at is null;
create index flood_course on flood (position, began_at);

-- What was annunciated in a flood, each alarm as it was annunciated last.
create table flood_alarm (
    flood bigint not null references flood,
    alarm text not null,
    severity smallint not null,     -- 0 for instrument and system alarms
    annunciated_at timestamptz not null,
    folded boolean not null,
    primary key (flood, alarm)
);
create index flood_alarm_folded on flood_alarm (alarm) where folded;

-- What is folded now, and where: shown behind one line of its rule, never changed in state or journal.
create view folded as
    select a.alarm, f.position, f.mode, f.flood, f.began_at as flood_began_at, a.annunciated_at
    from flood_alarm a join flood f using (flood) where a.folded and f.ended_at is null;

-- Figures go by when a line became known. The text is RFC 3339 in UTC with milliseconds, so that its order is time's.
create index journal_known on journal ((line::jsonb ->> 'known_at') collate "C");

create table hand_over (
    hand_over bigint generated always as identity primary key,
    position text not null,
    city text not null,
    mode text not null,
    handed_by text not null,
    handed_to text,                 -- null: whoever takes over
    handed_at timestamptz not null,
    idempotency_key text not null,
    request bytea not null,         -- sha256 of what was asked under the key
    notes jsonb not null,           -- carried over and new ones
    struck jsonb not null,          -- notes of the one before that are done with
    snapshot jsonb not null,        -- how the position stood
    unique (handed_by, idempotency_key)
);
create index hand_over_course on hand_over (position, mode, hand_over);

create table hand_over_acceptance (
    hand_over bigint primary key references hand_over,
    accepted_by text not null,
    accepted_at timestamptz not null
);

create function refuse_hand_over_change() returns trigger language plpgsql as $$
begin
    raise exception 'hand-overs are append-only; make a new one';
end $$;
create trigger hand_over_append_only before update or delete or truncate on hand_over
    for each statement execute function refuse_hand_over_change();
create trigger hand_over_acceptance_append_only before update or delete or truncate on hand_over_acceptance
    for each statement execute function refuse_hand_over_change();
