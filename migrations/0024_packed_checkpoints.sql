-- compatible: an older Lifeline finds a checkpoint that it cannot read, and rebuilds from the log
-- Checkpoints are packed by the evaluator; packing them once more only takes time.
alter table checkpoint alter column state set storage external;
