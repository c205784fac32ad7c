-- Summaries by minute and hour, what is kept for how long, and the beginning of a batch in one round trip.

-- Takes the log's lock and returns the last batch. Volatile plpgsql looks again after the wait: one statement with both
-- would see the log as it was before the wait. 0x6c6966650002 is store.batches.SEQUENCE_LOCK.
create function lock_log(out sequence bigint, out arrived_at timestamptz, out duplicates integer)
language plpgsql volatile as $$
begin
    perform pg_advisory_xact_lock(x'6c6966650002'::bigint);
    select b.sequence, b.arrived_at, b.duplicates into sequence, arrived_at, duplicates
        from batch b order by b.sequence desc limit 1;
end $$;

-- Whether a reading is bad: 342 is model.reading.HELD_BACK; where that changes, a migration has to change this.
create function is_held_back(quality smallint) returns boolean language sql immutable parallel safe
    return quality & 342 <> 0;

create index batch_arrived on batch (arrived_at);

-- How long readings and summaries are kept, in days of their own time; null keeps them for ever. The row * holds for
-- every property without a row of its own.
create table retention (
    property text primary key,
    raw_days integer check (raw_days > 0),
    minute_days integer check (minute_days > 0),
    hour_days integer check (hour_days > 0)
);
insert into retention (property) values ('*');

-- Editions that have continuous aggregates use them. All others get tables that a maintenance task rolls the log up
-- into, batch after batch, and views that add what it has not come to. Both have the same names and columns. `minimum`
-- to `last` and `usable` are of usable readings; `held_back` counts those that are bad.
do $do$
declare
    timescale boolean := exists (select from pg_extension where extname = 'timescaledb');
    community boolean := timescale and coalesce(current_setting('timescaledb.license', true), '') = 'timescale';
    newest text := case when timescale then 'last(value, time) filter (where not is_held_back(quality))'
                        else '(array_agg(value order by time desc) filter (where not is_held_back(quality)))[1]' end;
    grain text;
    step text;
begin
    if not community then
        -- The last batch that the stored summaries hold.
        create table summary_cursor (one boolean primary key default true check (one), batch bigint not null);
        insert into summary_cursor (batch) values (0);
    end if;
    foreach grain in array array['minute', 'hour'] loop
        step := '1 ' || grain;
        if community then
            execute format(
                'create materialized view %I with (timescaledb.continuous, timescaledb.materialized_only = false) as'
                ' select sensor_key, time_bucket(%L::interval, time) as start,'
                ' min(value) filter (where not is_held_back(quality)) as minimum,'
                ' sum(value) filter (where not is_held_back(quality)) as total,'
                ' avg(value) filter (where not is_held_back(quality)) as mean,'
                ' max(value) filter (where not is_held_back(quality)) as maximum,'
                ' %s as last, count(*) filter (where not is_held_back(quality)) as usable,'
                ' count(*) filter (where is_held_back(quality)) as held_back'
                ' from reading group by 1, 2 with no data', 'reading_' || grain, step, newest);
            execute format(
                'select add_continuous_aggregate_policy(%L, start_offset => null, end_offset => interval %L,'
                ' schedule_interval => interval %L)', 'reading_' || grain, step, step);
            continue;
        end if;
        execute format(
            'create table %I (start timestamptz not null, minimum double precision, total double precision,'
            ' maximum double precision, last double precision, last_time timestamptz, sensor_key integer not null,'
            ' usable integer not null, held_back integer not null, primary key (sensor_key, start))'
            ' with (fillfactor = 85)', 'summary_' || grain);
        if timescale then
            perform create_hypertable(('summary_' || grain)::regclass, 'start'::name,
                chunk_time_interval => case grain when 'minute' then interval '7 days' else interval '91 days' end,
                create_default_indexes => false);
        end if;
        execute format(
            'create view %I as select sensor_key, start, min(minimum) as minimum, sum(total) as total,'
            ' sum(total) / nullif(sum(usable), 0) as mean, max(maximum) as maximum,'
            ' (array_agg(last order by last_time desc nulls last))[1] as last, sum(usable)::bigint as usable,'
            ' sum(held_back)::bigint as held_back from ('
            ' select sensor_key, start, minimum, total, maximum, last, last_time, usable::bigint, held_back::bigint'
            ' from %I union all'
            ' select sensor_key, date_bin(%L::interval, time, ''2000-01-01Z''),'
            ' min(value) filter (where not is_held_back(quality)), sum(value) filter (where not is_held_back(quality)),'
            ' max(value) filter (where not is_held_back(quality)), %s, max(time) filter (where not is_held_back(quality)),'
            ' count(*) filter (where not is_held_back(quality)), count(*) filter (where is_held_back(quality))'
            ' from reading where batch > (select batch from summary_cursor)'
            -- Without this bound each look at one sensor would pass over all its history for its newest batches.
            ' and time >= (select min(oldest_time) from batch where sequence > (select batch from summary_cursor))'
            ' group by 1, 2) as part group by sensor_key, start',
            'reading_' || grain, 'summary_' || grain, step, newest);
    end loop;
end $do$;
