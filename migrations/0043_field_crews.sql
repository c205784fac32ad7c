-- compatible: an index more of alarms, and one of assets; nothing that an older Lifeline reads is another
-- What crews ask for on a bad line: an asset by its scanned number, and what has changed since they asked last.

-- An asset's number without what a scanner or a keyboard adds to it: white space, marks that are not printed, case,
-- and the wide forms of letters and digits.
create function scanned(number text) returns text immutable parallel safe language sql as $$
    select lower(regexp_replace(normalize(number, NFKC), '[\s\u0001-\u001f\u007f-\u00a0\u200b-\u200f\u2028-\u202e\u2060\ufeff]', '', 'g'))
$$;
create index sensor_asset on sensor (scanned(definition ->> 'asset')) where definition ->> 'asset' is not null;

create index alarm_event on alarm (event);
