-- compatible: columns that an older Lifeline leaves as they are; a key for a province or a district sees nothing there
-- Areas beside a city: the province that it lies in, and its districts.

alter table city add column province text not null default '';    -- empty: in none
alter table report add column district text not null default '';  -- of the nearest sensor; empty: none is near

-- The areas of a key or user with the cities that lie in its provinces now. Texts as in model/area.py.
create function areas_now(areas text[]) returns text[] language sql stable as $$
    select areas || array(
        select city from city where province <> '' and 'province:' || province = any(areas) order by city
    )
$$;
