CREATE TABLE IF NOT EXISTS delta.`${location}` (
  experiment    STRING              COMMENT 'Fingerprint: SHA-256 of the configuration with defaults elided',
  name          STRING              COMMENT 'Name in the configuration; not in the fingerprint',
  description   STRING              COMMENT 'Description in the configuration',
  configuration STRING              COMMENT 'The whole recipe with defaults, canonical JSON',
  reasons       MAP<STRING, STRING> COMMENT 'By configuration key, why the value was chosen',
  unexplained   ARRAY<STRING>       COMMENT 'Keys set to another value than the default without a reason'
)
USING delta
COMMENT 'A row for each configuration that was run, as it was first: what is not in the fingerprint may be another later'
TBLPROPERTIES (
  'delta.appendOnly' = 'true',
  'delta.logRetentionDuration' = 'interval 36500 days',
  'delta.deletedFileRetentionDuration' = 'interval 36500 days',
  'delta.enableDeletionVectors' = 'false',
  'delta.columnMapping.mode' = 'none'
)
