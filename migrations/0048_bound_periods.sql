-- compatible: a table more, filled by the database itself when an older Lifeline binds its rules, and spared by it
-- What the engine was bound to, and from which batch on: kept as long as raw readings, so that it can be told why a rule
-- fired or did not. The definitions stay where they are, in engine_binding.

create table bound_period (
    after bigint primary key,  -- batches of a higher sequence were evaluated so, up to the next period's
    version bigint not null references engine_binding
);

-- Since when what is bound now has been in force, as far as it is known.
insert into bound_period select min(batch), version from checkpoint group by version;

-- Here and not in the evaluator: a binding is new exactly when its row is, in the transaction that moves the cursor.
create function note_period() returns trigger language plpgsql as $$
begin
    insert into bound_period select batch, new.version from evaluation_cursor
        on conflict (after) do update set version = excluded.version;
    return null;
end $$;
create trigger engine_bound after insert on engine_binding for each row execute function note_period();

-- Whoever clears away what no checkpoint needs does not clear away what a period needs.
create function keep_binding() returns trigger language plpgsql as $$
begin
    if exists (select from bound_period where version = old.version) then
        return null;
    end if;
    return old;
end $$;
create trigger engine_binding_needed before delete on engine_binding for each row execute function keep_binding();
