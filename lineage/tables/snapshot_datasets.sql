CREATE TABLE IF NOT EXISTS delta.`${location}` (
  snapshot_key STRING COMMENT 'The snapshot',
  dataset      STRING COMMENT 'Name in the recipe, and folder under datasets',
  version      INT    COMMENT 'The dataset\'s version; datasets has its Delta version'
)
USING delta
COMMENT 'Which versions of which datasets a snapshot was prepared from: a row a dataset'
TBLPROPERTIES (
  'delta.appendOnly' = 'true',
  'delta.logRetentionDuration' = 'interval 36500 days',
  'delta.deletedFileRetentionDuration' = 'interval 36500 days',
  'delta.enableDeletionVectors' = 'false',
  'delta.columnMapping.mode' = 'none'
)
