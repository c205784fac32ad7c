-- What keeps the alarms of a rule at a sensor quiet, put there by a person: of all rules where `rule` is null.
create table suppression (
    suppression bigint generated always as identity primary key,
    kind text not null check (kind in ('shelved', 'suppressed_by_design', 'out_of_service')),
    city text not null,
    system text not null,
    district text not null,
    sensor text not null,
    rule text,
    severity_max smallint not null,   -- what is graver is annunciated
    purpose text check (purpose in ('maintenance', 'bump_test')),
    reason text not null,
    permit text,
    actor text not null,
    approved_by text,
    made_at timestamptz not null,
    begins_at timestamptz not null,
    ends_at timestamptz,              -- by itself
    review_at timestamptz,
    begun boolean not null,           -- alarms that stood at its begin are suppressed
    ended_at timestamptz,
    ended_by text,                    -- null: it ended by itself
    check (kind = 'out_of_service' or ends_at is not null)
);
create index suppression_in_force on suppression (sensor) where ended_at is null;
create index suppression_ends on suppression (ends_at) where ended_at is null;
create index suppression_begins on suppression (begins_at) where not begun and ended_at is null;
create index suppression_made on suppression (city, suppression);

-- What needs a second person.
create table approval (
    approval bigint generated always as identity primary key,
    kind text not null,
    city text,                        -- null: of the whole deployment
    subject text not null,            -- the alarm, pack or rule that it is about
    request jsonb not null,
    requested_by text not null,
    requested_at timestamptz not null,
    expires_at timestamptz not null,
    state text not null default 'requested' check (state in ('requested', 'approved', 'rejected', 'withdrawn', 'expired')),
    decided_by text,
    decided_at timestamptz,
    comment text,
    check (decided_by is distinct from requested_by or state = 'withdrawn')
);
create index approval_requested on approval (approval) where state = 'requested';

alter table action add column status smallint not null default 200;  -- of the answer that was given

alter table alarm add column judgement text;
alter table alarm add column handling text;     -- how far it is dealt with
alter table alarm add column assigned_to text;
create index alarm_handling on alarm (assigned_to, alarm) where handling is not null;
create index alarm_suppressed on alarm (sensor, rule)
    where state in ('shelved', 'suppressed_by_design', 'out_of_service');
create index alarm_at_sensor on alarm (sensor, rule) where state <> 'normal';
