-- compatible: a column more
-- What a pack's rules would have changed over the history, as it was shown before they came into force: kept with the
-- version for ever. Null where nothing was shown.
alter table rule_pack add column trial jsonb;
