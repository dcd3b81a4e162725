CREATE TABLE IF NOT EXISTS delta.`${location}` (
  run                  STRING    COMMENT 'The run',
  entry                BIGINT    COMMENT 'Number of the entry of the run\'s journal that this row is from',
  request              STRING    COMMENT 'What a retry is recognised by',
  name                 STRING    COMMENT 'Name of the experiment',
  experiment           STRING    COMMENT 'Fingerprint',
  model_sha256         STRING    COMMENT 'The base model',
  snapshot_key         STRING    COMMENT 'The snapshot\'s folder',
  snapshot_sha256      STRING    COMMENT 'The snapshot\'s root',
  plan_key             STRING    COMMENT 'The plan\'s folder, and its rows in ledger',
  plan_sha256          STRING    COMMENT 'The plan\'s root',
  plan_manifest_sha256 STRING    COMMENT 'Of the plan\'s plan.json without its manifestSha256; null in runs of before it was noted',
  evaluation_sha256    STRING    COMMENT 'What it is scored on: of the sorted digests of the frozen examples, a line each; null in runs of before it was noted',
  steps                INT       COMMENT 'Steps that are planned',
  tokens               BIGINT    COMMENT 'Tokens over all planned steps',
  target_tokens        BIGINT    COMMENT 'Target tokens over all planned steps',
  started_at           TIMESTAMP COMMENT 'When it was started'
)
USING delta
COMMENT 'A row for each run that was started'
TBLPROPERTIES (
  'delta.appendOnly' = 'true',
  'delta.logRetentionDuration' = 'interval 36500 days',
  'delta.deletedFileRetentionDuration' = 'interval 36500 days',
  'delta.enableDeletionVectors' = 'false',
  'delta.columnMapping.mode' = 'none'
)
