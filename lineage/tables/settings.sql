CREATE TABLE IF NOT EXISTS delta.`${location}` (
  experiment STRING COMMENT 'Fingerprint',
  key        STRING COMMENT 'As in conf/reference.conf; an element of a list by its name, where it has one, else by its index from 0',
  value      STRING COMMENT 'As JSON writes it; text without quotes',
  reason     STRING COMMENT 'Why it was chosen, as the configuration says of it or of the block it stands in; null when it does not'
)
USING delta
COMMENT 'The configuration of an experiment as it was first run, a row a key'
TBLPROPERTIES (
  'delta.appendOnly' = 'true',
  'delta.logRetentionDuration' = 'interval 36500 days',
  'delta.deletedFileRetentionDuration' = 'interval 36500 days',
  'delta.enableDeletionVectors' = 'false',
  'delta.columnMapping.mode' = 'none'
)
