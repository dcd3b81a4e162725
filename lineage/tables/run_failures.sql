CREATE TABLE IF NOT EXISTS delta.`${location}` (
  run        STRING    COMMENT 'The run',
  entry      BIGINT    COMMENT 'Number of the entry of the run\'s journal that this row is from',
  kind       STRING    COMMENT 'resumable, check-does-not-hold, bad-input or defect',
  cause      STRING    COMMENT 'What was said',
  steps_done INT       COMMENT 'Steps that were done by then',
  failed_at  TIMESTAMP COMMENT 'When it was written down'
)
USING delta
COMMENT 'A row for each time that a driver gave a run up'
TBLPROPERTIES (
  'delta.appendOnly' = 'true',
  'delta.logRetentionDuration' = 'interval 36500 days',
  'delta.deletedFileRetentionDuration' = 'interval 36500 days',
  'delta.enableDeletionVectors' = 'false',
  'delta.columnMapping.mode' = 'none'
)
