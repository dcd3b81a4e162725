CREATE TABLE IF NOT EXISTS delta.`${location}` (
  run             STRING              COMMENT 'The run',
  entry           BIGINT              COMMENT 'Number of the entry of the run\'s journal that this row is from',
  status          STRING              COMMENT 'finished',
  exported_step   INT                 COMMENT 'Steps behind the exported weights',
  weights_sha256  STRING              COMMENT 'Of the exported adapter_model.safetensors',
  adapter         STRING              COMMENT 'Folder of the export, relative to the store',
  numerics_sha256 STRING              COMMENT 'Of the facts that decide bits',
  loss_before     DOUBLE              COMMENT 'Mean loss per target token of the untouched model on the frozen split, nats',
  loss_after      DOUBLE              COMMENT 'The same of the trained model',
  loss_low        DOUBLE              COMMENT 'Lower bound of after - before, paired bootstrap',
  loss_high       DOUBLE              COMMENT 'Upper bound of after - before',
  time_ms         MAP<STRING, BIGINT> COMMENT 'Milliseconds by stage of the driver that ended it',
  ended_at        TIMESTAMP           COMMENT 'When it ended'
)
USING delta
COMMENT 'A row for each run that is over'
TBLPROPERTIES (
  'delta.appendOnly' = 'true',
  'delta.logRetentionDuration' = 'interval 36500 days',
  'delta.deletedFileRetentionDuration' = 'interval 36500 days',
  'delta.enableDeletionVectors' = 'false',
  'delta.columnMapping.mode' = 'none'
)
