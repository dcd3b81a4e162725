CREATE TABLE IF NOT EXISTS delta.`${location}` (
  run           STRING COMMENT 'The run',
  entry         BIGINT COMMENT 'Number of the entry of the run\'s journal that this row is from',
  metric        STRING COMMENT 'eval/loss',
  group_value   STRING COMMENT 'Value of the column evaluation.group-by, (none) where it is null or empty; null: the whole split',
  examples      INT    COMMENT 'Examples',
  target_tokens BIGINT COMMENT 'Their target tokens',
  loss_before   DOUBLE COMMENT 'Mean loss per target token of the untouched model, nats',
  loss_after    DOUBLE COMMENT 'The same of the trained model',
  difference    DOUBLE COMMENT 'after - before',
  low           DOUBLE COMMENT 'Lower bound of the difference, paired bootstrap',
  high          DOUBLE COMMENT 'Upper bound of the difference',
  verdict       STRING COMMENT 'better, worse or no difference shown: whether the interval lies below 0, above it, or holds it'
)
USING delta
COMMENT 'What the frozen split says of a run: a row for the whole, and one for each group of the recipe\'s evaluation.group-by that has target tokens. Each interval stands for itself'
TBLPROPERTIES (
  'delta.appendOnly' = 'true',
  'delta.logRetentionDuration' = 'interval 36500 days',
  'delta.deletedFileRetentionDuration' = 'interval 36500 days',
  'delta.enableDeletionVectors' = 'false',
  'delta.columnMapping.mode' = 'none'
)
