CREATE TABLE IF NOT EXISTS delta.`${location}` (
  run           STRING COMMENT 'The run',
  entry         BIGINT COMMENT 'Number of the entry of the run\'s journal that this row is from',
  step          INT    COMMENT 'Steps behind the scored weights; 0: the untouched model',
  example_id    STRING COMMENT 'The example in the snapshot',
  group_value   STRING COMMENT 'Its value of the recipe\'s evaluation.group-by, (none) where it is null or empty; null: that names no column',
  target_tokens INT    COMMENT 'Its target tokens',
  loss          DOUBLE COMMENT 'Sum of -log p over its target tokens, nats'
)
USING delta
COMMENT 'The loss of each example in each scoring of the frozen split'
TBLPROPERTIES (
  'delta.appendOnly' = 'true',
  'delta.logRetentionDuration' = 'interval 36500 days',
  'delta.deletedFileRetentionDuration' = 'interval 36500 days',
  'delta.enableDeletionVectors' = 'false',
  'delta.columnMapping.mode' = 'none'
)
