CREATE TABLE IF NOT EXISTS delta.`${location}` (
  run           STRING    COMMENT 'The run',
  entry         BIGINT    COMMENT 'Number of the entry of the run\'s journal that this row is from',
  step          INT       COMMENT 'Steps behind the scored weights; 0: the untouched model',
  attempt       INT       COMMENT 'Which attempt did it first',
  loss          DOUBLE    COMMENT 'Mean per target token, nats',
  examples      INT       COMMENT 'Examples of the split',
  target_tokens BIGINT    COMMENT 'Target tokens of the split',
  wall_ms       BIGINT    COMMENT 'What it took',
  done_at       TIMESTAMP COMMENT 'When it was written down'
)
USING delta
COMMENT 'A row for each scoring of the frozen split'
TBLPROPERTIES (
  'delta.appendOnly' = 'true',
  'delta.logRetentionDuration' = 'interval 36500 days',
  'delta.deletedFileRetentionDuration' = 'interval 36500 days',
  'delta.enableDeletionVectors' = 'false',
  'delta.columnMapping.mode' = 'none'
)
