CREATE TABLE IF NOT EXISTS delta.`${location}` (
  row_id        STRING COMMENT 'The source row in datasets/NAME; one that dedup found equal to the example\'s own is a row here, too',
  dataset       STRING COMMENT 'The dataset the source row is of',
  plan_key      STRING COMMENT 'Hash of the plan\'s inputs; folder under plans',
  split         STRING COMMENT 'train or evaluation',
  epoch         INT    COMMENT 'From 1; 0 in the evaluation',
  step          INT    COMMENT 'Optimizer step, from 1; 0 in the evaluation',
  micro_batch   BIGINT COMMENT 'Index in the plan, from 0',
  slot          INT    COMMENT 'Place in the micro-batch, from 0',
  token_offset  INT    COMMENT 'Of its first token in the micro-batch',
  tokens        INT    COMMENT 'Tokens of the example',
  target_tokens INT    COMMENT 'Tokens of it that are trained, or scored',
  example_id    STRING COMMENT 'The example in the snapshot'
)
USING delta
COMMENT 'The ledger again, a row for each source row of each place in a plan, sorted by row_id: what saw this row?'
TBLPROPERTIES (
  'delta.appendOnly' = 'true',
  'delta.logRetentionDuration' = 'interval 36500 days',
  'delta.deletedFileRetentionDuration' = 'interval 36500 days',
  'delta.enableDeletionVectors' = 'false',
  'delta.columnMapping.mode' = 'none'
)
