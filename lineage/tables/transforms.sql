CREATE TABLE IF NOT EXISTS delta.`${location}` (
  snapshot_key STRING COMMENT 'The snapshot',
  position     INT    COMMENT 'From 0',
  name         STRING COMMENT 'Name in the recipe; DATASET/NAME for a dataset\'s own',
  kind         STRING COMMENT 'dataset, select, where, explode, dedup, split, sample, render, document, length',
  code_sha256  STRING COMMENT 'Of what it does; of a dataset its root',
  rows         BIGINT COMMENT 'Rows after it'
)
USING delta
COMMENT 'What each transform left: a row for each of a snapshot, in order'
TBLPROPERTIES (
  'delta.appendOnly' = 'true',
  'delta.logRetentionDuration' = 'interval 36500 days',
  'delta.deletedFileRetentionDuration' = 'interval 36500 days',
  'delta.enableDeletionVectors' = 'false',
  'delta.columnMapping.mode' = 'none'
)
