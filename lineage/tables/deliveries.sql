CREATE TABLE IF NOT EXISTS delta.`${location}` (
  run               STRING    COMMENT 'The run',
  entry             BIGINT    COMMENT 'Number of the entry of the run\'s journal that this row is from',
  server            STRING    COMMENT 'URI',
  server_experiment STRING    COMMENT 'The server\'s experiment',
  server_run        STRING    COMMENT 'The server\'s run',
  kind              STRING    COMMENT 'tags, params, inputs, metrics, artifact, model-file, model, version, alias, status; end is what status was called once',
  item              STRING    COMMENT 'Which of its kind',
  through           BIGINT    COMMENT 'All of the journal\'s entries up to this one are there; 0 where that is not said',
  count             BIGINT    COMMENT 'How many were sent',
  sha256            STRING    COMMENT 'Of what was sent',
  cpu_ms            DOUBLE    COMMENT 'Of the publishing thread since the delivery before, while the run trained; 0 by retune sync',
  acknowledged_at   TIMESTAMP COMMENT 'When it was written down'
)
USING delta
COMMENT 'What a tracking server has acknowledged'
TBLPROPERTIES (
  'delta.appendOnly' = 'true',
  'delta.logRetentionDuration' = 'interval 36500 days',
  'delta.deletedFileRetentionDuration' = 'interval 36500 days',
  'delta.enableDeletionVectors' = 'false',
  'delta.columnMapping.mode' = 'none'
)
