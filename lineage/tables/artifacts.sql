CREATE TABLE IF NOT EXISTS delta.`${location}` (
  run        STRING    COMMENT 'The run',
  entry      BIGINT    COMMENT 'Number of the entry of the run\'s journal that this row is from',
  name       STRING    COMMENT 'Within the run',
  path       STRING    COMMENT 'Relative to the store',
  sha256     STRING    COMMENT 'As sha256sum prints it',
  bytes      BIGINT    COMMENT 'Its length',
  written_at TIMESTAMP COMMENT 'When it was written down'
)
USING delta
COMMENT 'A row for each file that belongs to a run'
TBLPROPERTIES (
  'delta.appendOnly' = 'true',
  'delta.logRetentionDuration' = 'interval 36500 days',
  'delta.deletedFileRetentionDuration' = 'interval 36500 days',
  'delta.enableDeletionVectors' = 'false',
  'delta.columnMapping.mode' = 'none'
)
