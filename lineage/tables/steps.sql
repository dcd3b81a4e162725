CREATE TABLE IF NOT EXISTS delta.`${location}` (
  run             STRING        COMMENT 'The run',
  entry           BIGINT        COMMENT 'Number of the entry of the run\'s journal that this row is from',
  step            INT           COMMENT 'From 1',
  attempt         INT           COMMENT 'Which attempt did it first',
  loss            DOUBLE        COMMENT 'Mean over the step\'s target tokens, nats',
  learning_rate   DOUBLE        COMMENT 'Used in this step',
  grad_norm       DOUBLE        COMMENT 'L2 norm of the summed gradient before clipping',
  micro_batches   INT           COMMENT 'Micro-batches of the step',
  tokens          INT           COMMENT 'Tokens of the step',
  target_tokens   INT           COMMENT 'Trained tokens of the step',
  leaf_digests    ARRAY<STRING> COMMENT '128-bit digest of each leaf\'s gradient, in leaf order',
  gradient_digest STRING        COMMENT 'The first 128 bits of the SHA-256 of the digests of all tensors of the summed gradient, in the order of their names',
  tensor_prefixes STRING        COMMENT 'The first 16 bits of each of these digests, four hexadecimal digits a tensor: which one differs where gradient_digest does',
  compute_ms      BIGINT        COMMENT 'Reading and computing micro-batches, the longest of all ranks',
  exchange_ms     BIGINT        COMMENT 'Summing over ranks, as rank 0 saw it',
  wait_ms         BIGINT        COMMENT 'Waiting for other ranks, as rank 0 saw it',
  data_ms         BIGINT        COMMENT 'Reading micro-batches, added up over the lanes of the rank that took longest',
  record_ms       BIGINT        COMMENT 'Behind the step before, until the driver had written down what was done since',
  wall_ms         BIGINT        COMMENT 'The whole step, without record_ms',
  memory_bytes    BIGINT        COMMENT 'Largest resident memory of any rank so far; 0 where the system does not tell',
  done_at         TIMESTAMP     COMMENT 'When it was written down'
)
USING delta
COMMENT 'A row for each optimizer step of a run. One that was computed again after a failure has one row: its digests were equal'
TBLPROPERTIES (
  'delta.appendOnly' = 'true',
  'delta.logRetentionDuration' = 'interval 36500 days',
  'delta.deletedFileRetentionDuration' = 'interval 36500 days',
  'delta.enableDeletionVectors' = 'false',
  'delta.columnMapping.mode' = 'none'
)
