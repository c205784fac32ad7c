-- compatible: an older Lifeline goes on beside it.
-- How much time a chunk of readings holds and when chunks are compressed. All properties share one table of readings, so
-- both stand in the row of all of them. Null: 7 days, and never.
alter table retention
    add column chunk_days integer check (chunk_days between 1 and 366),
    add column compress_after_days integer check (compress_after_days > 0),
    add constraint chunks_are_of_all_properties
        check (property = '*' or (chunk_days is null and compress_after_days is null));

-- Where continuous aggregates keep the summaries: readings before this time may have been deleted, and no refresh may
-- reach behind it, because it would delete their summaries too. Null: none was deleted yet.
do $$
begin
    if to_regclass('public.summary_cursor') is null then
        create table summary_refresh (one boolean primary key default true check (one), since timestamptz);
        insert into summary_refresh (since) values (null);
    end if;
end $$;
