-- compatible: a table more, filled by the database itself when an older Lifeline appends to the journal as well
-- The journal's lines, chained by their hashes, so that one that was changed, removed or slipped in shows. The chain
-- stands beside the journal, whose own rows nothing ever changes: not even the migration that chains those of before.

create table journal_chain (
    event bigint primary key,
    previous bytea not null,  -- hash of the event before; 32 zero bytes before the first
    hash bytea not null       -- as hash_of_parts makes it of the journal's columns and `previous`
);

-- SHA-256 over the parts, each as its length in bytes, a colon, its text and a comma; an absent one as a minus and a
-- comma. model.chain.hash_of is the same in Python.
create function hash_of_parts(parts text[]) returns bytea language plpgsql immutable parallel safe as $$
declare
    part text;
    written text := '';
begin
    foreach part in array parts loop
        written := written || coalesce(octet_length(part) || ':' || part, '-') || ',';
    end loop;
    return sha256(convert_to(written, 'UTF8'));
end $$;

create or replace function audit_hash(entry audit) returns bytea language sql stable as $$
    select hash_of_parts(array[
        entry.sequence::text,
        to_char(entry.recorded_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
        entry.actor, entry.actor_kind, entry.address, entry.action, entry.subject, entry.city, entry.outcome,
        entry.details, encode(entry.previous, 'hex')
    ])
$$;

-- Chains what stands in the journal behind the newest chained event. It refuses nothing: lines that somebody cut off or
-- numbered behind its back are named by `lifeline journal verify`, and meanwhile alarms go on.
create function chain_journal() returns void language plpgsql as $$
declare
    newest bigint;
    last_hash bytea;
    own_hash bytea;
    added record;
begin
    select event, hash into newest, last_hash from journal_chain order by event desc limit 1;
    last_hash := coalesce(last_hash, decode(repeat('00', 32), 'hex'));
    for added in
        select event, array[
            event::text, alarm, sequence::text, to_char(time at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
            city, system, district, line
        ] as parts from journal where event > coalesce(newest, 0) order by event
    loop
        own_hash := hash_of_parts(added.parts || encode(last_hash, 'hex'));
        insert into journal_chain values (added.event, last_hash, own_hash);
        last_hash := own_hash;
    end loop;
end $$;

-- As the tables' owner: who may append to the journal needs no right on the chain, and has none to forge it with.
create function journal_appended() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
begin
    -- store.journal.JOURNAL_LOCK, which whoever appends holds already; else two would chain to the same event.
    perform pg_advisory_xact_lock(x'6c6966650003'::bigint);
    perform chain_journal();
    return null;
end $$;

select chain_journal();  -- most of what there is, while others append
create trigger journal_chained after insert on journal for each statement execute function journal_appended();
select chain_journal();  -- what they appended meanwhile; from here on they wait, and then the trigger chains

create trigger journal_chain_append_only before update or delete or truncate on journal_chain
    for each statement execute function refuse_change();
