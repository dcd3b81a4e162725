CREATE TABLE IF NOT EXISTS delta.`${location}` (
  run              STRING              COMMENT 'The run',
  entry            BIGINT              COMMENT 'Number of the entry of the run\'s journal that this row is from',
  driver           INT                 COMMENT 'From 1',
  started_by       STRING              COMMENT 'Who started it, as the system calls them',
  version          STRING              COMMENT 'Of Retune',
  code_commit      STRING              COMMENT 'Git commit the program was built from; unknown outside a checkout',
  code_branch      STRING              COMMENT 'Branch that was checked out then',
  code_diff_sha256 STRING              COMMENT 'Of what the program\'s files differed from the commit in, kept as the run\'s code-DRIVER.diff; empty: in nothing',
  program_sha256   STRING              COMMENT 'Of the program\'s jar, or of the manifest of its classes',
  java             STRING              COMMENT 'Version and vendor',
  jvm_flags        ARRAY<STRING>       COMMENT 'As given; of properties the names',
  host             STRING              COMMENT 'Name of the machine',
  os               STRING              COMMENT 'Operating system',
  cpu              STRING              COMMENT 'Processor',
  cores            INT                 COMMENT 'Cores the driver may use',
  memory_bytes     BIGINT              COMMENT 'Of the machine',
  gpus             ARRAY<STRING>       COMMENT 'GPUs',
  spark            MAP<STRING, STRING> COMMENT 'Spark\'s settings, without those that may hold a secret or a class path',
  libraries        ARRAY<STRING>       COMMENT 'File names of the class path',
  started_at       TIMESTAMP           COMMENT 'When it took the run up'
)
USING delta
COMMENT 'A row for each driver that took a run up: what it was'
TBLPROPERTIES (
  'delta.appendOnly' = 'true',
  'delta.logRetentionDuration' = 'interval 36500 days',
  'delta.deletedFileRetentionDuration' = 'interval 36500 days',
  'delta.enableDeletionVectors' = 'false',
  'delta.columnMapping.mode' = 'none'
)
