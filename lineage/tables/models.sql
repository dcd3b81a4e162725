CREATE TABLE IF NOT EXISTS delta.`${location}` (
  model_sha256   STRING COMMENT 'Of the manifest of its files; folder under models',
  source         STRING COMMENT 'Where it came from',
  source_sha256  STRING COMMENT 'SHA-256 of the source\'s file, or of its manifest',
  layers         INT    COMMENT 'Decoder layers',
  width          INT    COMMENT 'Width of the hidden state',
  vocabulary     INT    COMMENT 'Tokens of the vocabulary',
  context_tokens INT    COMMENT 'Longest context it was trained for'
)
USING delta
COMMENT 'A row for each imported base model'
TBLPROPERTIES (
  'delta.appendOnly' = 'true',
  'delta.logRetentionDuration' = 'interval 36500 days',
  'delta.deletedFileRetentionDuration' = 'interval 36500 days',
  'delta.enableDeletionVectors' = 'false',
  'delta.columnMapping.mode' = 'none'
)
