CREATE TABLE IF NOT EXISTS delta.`${location}` (
  run        STRING    COMMENT 'The run',
  entry      BIGINT    COMMENT 'Number of the entry of the run\'s journal that this row is from',
  step       INT       COMMENT 'Steps behind its weights',
  attempt    INT       COMMENT 'Which attempt noted it: the one that wrote it, or, where its driver died in between, the next',
  path       STRING    COMMENT 'Folder, relative to the store',
  sha256     STRING    COMMENT 'Of its manifest, which has the SHA-256 of each file and tensor',
  bytes      BIGINT    COMMENT 'Its size',
  wall_ms    BIGINT    COMMENT 'What writing it took; 0 where its driver died before it could say',
  written_at TIMESTAMP COMMENT 'When it was written down'
)
USING delta
COMMENT 'A row for each durable checkpoint'
TBLPROPERTIES (
  'delta.appendOnly' = 'true',
  'delta.logRetentionDuration' = 'interval 36500 days',
  'delta.deletedFileRetentionDuration' = 'interval 36500 days',
  'delta.enableDeletionVectors' = 'false',
  'delta.columnMapping.mode' = 'none'
)
