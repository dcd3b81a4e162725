CREATE TABLE IF NOT EXISTS delta.`${location}` (
  run      STRING  COMMENT 'The run',
  entry    BIGINT  COMMENT 'Number of the entry of the run\'s journal that this row is from',
  metric   STRING  COMMENT 'Key below evaluation.success: verdict, loss-at-most or each-group',
  required STRING  COMMENT 'Its value in the recipe, said before the run was trained',
  found    STRING  COMMENT 'What the run came to, for people: verdict, loss or groups',
  met      BOOLEAN COMMENT 'Whether that is enough'
)
USING delta
COMMENT 'What the recipe says that a run has to come to, and whether it did: a row for each key of evaluation.success'
TBLPROPERTIES (
  'delta.appendOnly' = 'true',
  'delta.logRetentionDuration' = 'interval 36500 days',
  'delta.deletedFileRetentionDuration' = 'interval 36500 days',
  'delta.enableDeletionVectors' = 'false',
  'delta.columnMapping.mode' = 'none'
)
