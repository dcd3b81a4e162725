CREATE TABLE IF NOT EXISTS delta.`${location}` (
  experiment STRING COMMENT 'Fingerprint',
  key        STRING COMMENT 'As in conf/reference.conf; elements of lists by their index from 0',
  value      STRING COMMENT 'As JSON writes it; text without quotes',
  reason     STRING COMMENT 'Why it was chosen, as the configuration says; null when it does not'
)
USING delta
COMMENT 'The configuration of an experiment, a row a key'
TBLPROPERTIES (
  'delta.appendOnly' = 'true',
  'delta.logRetentionDuration' = 'interval 36500 days',
  'delta.deletedFileRetentionDuration' = 'interval 36500 days',
  'delta.enableDeletionVectors' = 'false',
  'delta.columnMapping.mode' = 'none'
)
