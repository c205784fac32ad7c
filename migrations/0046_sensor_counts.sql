-- compatible: an index more
-- The status page counts the sensors of each district and system: in this index alone.
create index sensor_district on sensor (city, district, system);
