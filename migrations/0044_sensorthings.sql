-- compatible: a function and an index more
-- The thing that a sensor belongs to as SensorThings sees it: its asset or, where it has none, the sensor itself. An
-- asset's number is known within its city alone, and a sensor's id has no colon, so that no asset is taken for a sensor.
-- Ids stand in addresses, where many clients do not write them as they should: a number with marks is hashed.

create function thing_of(city text, asset text, sensor text) returns text language sql immutable parallel safe
    return case when coalesce(asset, '') = '' then sensor
                when asset ~ '^[A-Za-z0-9._-]{1,64}$' then city || ':' || asset
                else city || ':' || md5(asset) end;
create index sensor_thing on sensor (thing_of(city, definition ->> 'asset', sensor));
