-- compatible: an older Lifeline goes on beside it.
-- Where nodes and links lie, drawn out of their definitions, so that what is near a place is found without reading them.

alter table network_node
    add column x double precision generated always as ((definition -> 'position' ->> 0)::double precision) stored,
    add column y double precision generated always as ((definition -> 'position' ->> 1)::double precision) stored;

-- West, south, east and north of a line of positions; nulls where there is none.
create function extent_of(line jsonb) returns double precision[] language sql immutable parallel safe
    return (select array[min((p ->> 0)::double precision), min((p ->> 1)::double precision),
                         max((p ->> 0)::double precision), max((p ->> 1)::double precision)]
            from jsonb_array_elements(coalesce(line, '[]')) as p);
alter table network_link
    add column extent double precision[] generated always as (extent_of(definition -> 'line')) stored;
