CREATE TABLE IF NOT EXISTS delta.`${location}` (
  name          STRING COMMENT 'Name in the recipe, and folder under datasets',
  version       INT    COMMENT 'Our number, from 1; it is not Delta\'s',
  delta_version BIGINT COMMENT 'Delta\'s version of the table datasets/NAME that holds it',
  root          STRING COMMENT 'Merkle root of the rows\' content, SHA-256',
  rows          BIGINT COMMENT 'Rows of this version',
  source        STRING COMMENT 'Where the rows came from',
  source_sha256 STRING COMMENT 'SHA-256 of the source\'s file, or of the manifest of its files',
  licence       STRING COMMENT 'SPDX identifier or name',
  privacy       STRING COMMENT 'As the recipe says: public, personal, ...',
  message       STRING COMMENT 'Why the dataset changed, as the user said it'
)
USING delta
COMMENT 'A row for each version of each dataset'
TBLPROPERTIES (
  'delta.appendOnly' = 'true',
  'delta.logRetentionDuration' = 'interval 36500 days',
  'delta.deletedFileRetentionDuration' = 'interval 36500 days',
  'delta.enableDeletionVectors' = 'false',
  'delta.columnMapping.mode' = 'none'
)
