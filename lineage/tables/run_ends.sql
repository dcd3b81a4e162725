CREATE TABLE IF NOT EXISTS delta.`${location}` (
  run             STRING    COMMENT 'The run',
  entry           BIGINT    COMMENT 'Number of the entry of the run\'s journal that this row is from',
  status          STRING    COMMENT 'finished',
  exported_step   INT       COMMENT 'Steps behind the exported weights',
  weights_sha256  STRING    COMMENT 'Of the exported adapter_model.safetensors',
  adapter         STRING    COMMENT 'Folder of the export, relative to the store',
  numerics_sha256 STRING    COMMENT 'Of the facts that decide bits',
  loss_before     DOUBLE    COMMENT 'Mean loss per target token of the untouched model on the frozen split, nats',
  loss_after      DOUBLE    COMMENT 'The same of the trained model',
  loss_low        DOUBLE    COMMENT 'Lower bound of after - before, paired bootstrap',
  loss_high       DOUBLE    COMMENT 'Upper bound of after - before',
  verdict         STRING    COMMENT 'better, worse or no difference shown: whether the interval lies below 0, above it, or holds it',
  success         BOOLEAN   COMMENT 'Whether it came to all that its recipe asks for (success_metrics); null: nothing is asked for',
  build_ms        BIGINT    COMMENT 'Building the program, milliseconds of the driver that ended the run',
  start_ms        BIGINT    COMMENT 'From submission, or the start of its process, to the job, milliseconds of the driver that ended the run',
  session_ms      BIGINT    COMMENT 'Starting Spark, milliseconds of the driver that ended the run',
  executors_ms    BIGINT    COMMENT 'Waiting for a cluster\'s executors, milliseconds of the driver that ended the run',
  import_ms       BIGINT    COMMENT 'Importing model and datasets, milliseconds of the driver that ended the run',
  prepare_ms      BIGINT    COMMENT 'Rows to examples, milliseconds of the driver that ended the run',
  plan_ms         BIGINT    COMMENT 'Deciding the order, milliseconds of the driver that ended the run',
  load_ms         BIGINT    COMMENT 'Starting the ranks, with the base weights, milliseconds of the driver that ended the run',
  train_ms        BIGINT    COMMENT 'The steps, milliseconds of the driver that ended the run',
  evaluate_ms     BIGINT    COMMENT 'Scoring the frozen split, milliseconds of the driver that ended the run',
  sample_ms       BIGINT    COMMENT 'Generating the samples, milliseconds of the driver that ended the run',
  record_ms       BIGINT    COMMENT 'Lineage tables, up to the end of training, milliseconds of the driver that ended the run',
  ended_at        TIMESTAMP COMMENT 'When it ended',
  journal_seal    STRING    COMMENT 'Seal of the journal up to this entry: no line before it can have changed'
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
