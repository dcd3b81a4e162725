CREATE TABLE IF NOT EXISTS delta.`${location}` (
  snapshot_key        STRING COMMENT 'Hash of the inputs; folder under snapshots',
  snapshot_sha256     STRING COMMENT 'Merkle root of the examples\' content',
  model_sha256        STRING COMMENT 'The model whose tokenizer and template rendered it',
  train_examples      BIGINT COMMENT 'Examples to train on',
  evaluation_examples BIGINT COMMENT 'Examples held out'
)
USING delta
COMMENT 'A row for each prepared and frozen snapshot'
TBLPROPERTIES (
  'delta.appendOnly' = 'true',
  'delta.logRetentionDuration' = 'interval 36500 days',
  'delta.deletedFileRetentionDuration' = 'interval 36500 days',
  'delta.enableDeletionVectors' = 'false',
  'delta.columnMapping.mode' = 'none'
)
