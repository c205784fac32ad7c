-- compatible: new tables alone; an older Lifeline records nothing in them, and keeps what it keeps for as long as before
-- Who did what: privileged actions, chained by their hashes, so that a row that was changed, removed or slipped in shows.

create table audit (
    sequence bigint primary key,      -- from 1 without holes, in the order of commits
    recorded_at timestamptz not null, -- the database's clock at the commit, in milliseconds, never before the row before
    actor text not null,
    actor_kind text not null,         -- model.audit.ActorKind
    address text,                     -- where the request came from
    action text not null,             -- model.audit.Action
    subject text not null,
    city text,                        -- that it concerns; null for the deployment as a whole
    outcome text not null check (outcome in ('done', 'refused')),
    details text not null,            -- a flat JSON object: keys sorted, no spaces, ASCII
    previous bytea not null,          -- hash of the row before; 32 zero bytes before the first
    hash bytea not null               -- as audit_hash makes it
);
create index audit_time on audit (recorded_at);
create index audit_actor on audit (actor, sequence);
create index audit_action on audit (action, sequence);
create index audit_subject on audit (subject, sequence);

-- The last row of what retention removed; the chain goes on from its hash.
create table audit_anchor (
    sequence bigint primary key,
    recorded_at timestamptz not null, -- of that row
    hash bytea not null,
    removed_at timestamptz not null default clock_timestamp()
);

-- Where rows stand from the statement that records them to the commit, which chains them.
create table audit_waiting (
    waiting bigint generated always as identity primary key,
    actor text not null,
    actor_kind text not null,
    address text,
    action text not null,
    subject text not null,
    city text,
    outcome text not null,
    details text not null
);

-- SHA-256 over every column in the order of the table, each as its length in bytes, a colon, its text and a comma; an
-- absent one as a minus and a comma. model.audit.hash_of is the same in Python.
create function audit_hash(entry audit) returns bytea language sql stable as $$
    select sha256(convert_to(string_agg(coalesce(octet_length(part) || ':' || part, '-') || ',', '' order by n), 'UTF8'))
    from unnest(array[
        entry.sequence::text,
        to_char(entry.recorded_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
        entry.actor, entry.actor_kind, entry.address, entry.action, entry.subject, entry.city, entry.outcome,
        entry.details, encode(entry.previous, 'hex')
    ]) with ordinality as parts (part, n)
$$;

-- At the commit, so that the lock is the last that a transaction takes: it waits for nobody while others wait for it,
-- and whoever is rolled back before has taken no number.
create function chain_audit() returns trigger language plpgsql as $$
declare
    last record;
    entry audit;
begin
    perform pg_advisory_xact_lock(x'6c6966650042'::bigint);
    -- A statement of its own, so that it sees what was committed while this one waited.
    select sequence, recorded_at, hash into last from (
        select sequence, recorded_at, hash from audit union all select sequence, recorded_at, hash from audit_anchor
    ) as rows order by sequence desc limit 1;
    entry.sequence := coalesce(last.sequence, 0) + 1;
    entry.recorded_at := greatest(date_trunc('milliseconds', clock_timestamp()), last.recorded_at);
    entry.actor := new.actor;
    entry.actor_kind := new.actor_kind;
    entry.address := new.address;
    entry.action := new.action;
    entry.subject := new.subject;
    entry.city := new.city;
    entry.outcome := new.outcome;
    entry.details := new.details;
    entry.previous := coalesce(last.hash, decode(repeat('00', 32), 'hex'));
    entry.hash := audit_hash(entry);
    insert into audit select entry.*;
    delete from audit_waiting where waiting = new.waiting;
    return null;
end $$;
create constraint trigger audit_chained after insert on audit_waiting deferrable initially deferred
    for each row execute function chain_audit();

create function refuse_audit_change() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' and tg_table_name = 'audit' then
        if old.sequence <= (select max(sequence) from audit_anchor) then
            return old;
        end if;
    end if;
    raise exception 'the audit is append-only';
end $$;
create trigger audit_append_only before update or delete on audit
    for each row execute function refuse_audit_change();
create trigger audit_whole before truncate on audit for each statement execute function refuse_audit_change();
create trigger audit_anchor_append_only before update or delete or truncate on audit_anchor
    for each statement execute function refuse_audit_change();

-- An anchor lets the rows up to it go: it must be one of them, and by the database's own clock six months old.
create function check_audit_anchor() returns trigger language plpgsql as $$
begin
    if new.recorded_at > clock_timestamp() - interval '183 days' then
        raise exception 'the audit is kept for 183 days at the least';
    end if;
    if not exists (
        select from audit as a where a.sequence = new.sequence and a.hash = new.hash and a.recorded_at = new.recorded_at
    ) then
        raise exception 'no row of the audit has sequence % and this hash', new.sequence;
    end if;
    return new;
end $$;
create trigger audit_anchor_checked before insert on audit_anchor
    for each row execute function check_audit_anchor();

-- How long records of a class (store.record_classes) are kept where it was set; else for the days that stand there.
create table record_retention (
    class text primary key,
    days integer check (days > 0)     -- null: for ever
);
