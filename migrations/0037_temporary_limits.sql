-- Who approved a pack, where a second person had to.
alter table rule_pack add column approved_by text;

-- Limits in place of a rule's own for a time, at some of its sensors; in force by the word of two persons.
create table temporary_limit (
    temporary_limit bigint primary key,  -- the number of its approval
    rule text not null,
    design text not null,             -- digest of the limits and sensors of the rule it was made for
    rule_version text not null,       -- under which the journal has the rule from then on
    city text,                        -- null: of more than one
    selected jsonb not null,          -- which of the rule's sensors
    limits jsonb not null,            -- by level, in the rule's unit
    unit text,
    reason text not null,
    requested_by text not null,
    approved_by text not null,
    begins_at timestamptz not null,
    ends_at timestamptz not null,     -- by itself
    ended_at timestamptz,
    ended_by text,                    -- null: it ended by itself
    comment text,
    check (requested_by <> approved_by),
    check (begins_at < ends_at)
);
create index temporary_limit_ends on temporary_limit (ends_at) where ended_at is null;
create index temporary_limit_rule on temporary_limit (rule) where ended_at is null;
-- For each row, because a statement that ends none must not have the rules bound anew.
create trigger temporary_limit_changed after insert or update or delete on temporary_limit
    for each row execute function raise_registry_version();
