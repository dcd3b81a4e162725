CREATE TABLE IF NOT EXISTS delta.`${location}` (
  plan_key      STRING        COMMENT 'Hash of the plan\'s inputs; folder under plans',
  split         STRING        COMMENT 'train or evaluation',
  epoch         INT           COMMENT 'From 1; 0 in the evaluation',
  step          INT           COMMENT 'Optimizer step, from 1; 0 in the evaluation',
  micro_batch   BIGINT        COMMENT 'Index in the plan, from 0',
  slot          INT           COMMENT 'Place in the micro-batch, from 0',
  token_offset  INT           COMMENT 'Of its first token in the micro-batch',
  tokens        INT           COMMENT 'Tokens of the example',
  target_tokens INT           COMMENT 'Tokens of it that are trained, or scored',
  example_id    STRING        COMMENT 'The example in the snapshot',
  dataset       STRING        COMMENT 'The dataset the example is of; a row that dedup found equal to its own may be of another',
  row_ids       ARRAY<STRING> COMMENT 'row_id of its source row in datasets/NAME, and of rows that dedup found equal to it'
)
USING delta
COMMENT 'Which example is where: a row for each place in a plan. What a run saw is its plan up to the last step it did'
TBLPROPERTIES (
  'delta.appendOnly' = 'true',
  'delta.logRetentionDuration' = 'interval 36500 days',
  'delta.deletedFileRetentionDuration' = 'interval 36500 days',
  'delta.enableDeletionVectors' = 'false',
  'delta.columnMapping.mode' = 'none'
)
