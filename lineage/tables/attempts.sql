CREATE TABLE IF NOT EXISTS delta.`${location}` (
  run              STRING              COMMENT 'The run',
  entry            BIGINT              COMMENT 'Number of the entry of the run\'s journal that this row is from',
  attempt          INT                 COMMENT 'From 1, over all drivers of the run',
  driver           INT                 COMMENT 'Which driver of the run started it, from 1',
  world_size       INT                 COMMENT 'Ranks',
  resumed_from     INT                 COMMENT 'Step of the checkpoint it went on from; 0: the beginning',
  processes        ARRAY<STRING>       COMMENT 'host:pid of each rank',
  lanes            ARRAY<INT>          COMMENT 'Lanes of each rank',
  total_lanes      INT                 COMMENT 'Lanes of all ranks',
  cpus             ARRAY<STRING>       COMMENT 'Processor of each rank\'s machine',
  cores            ARRAY<INT>          COMMENT 'Cores of each rank\'s machine',
  memory_bytes     ARRAY<BIGINT>       COMMENT 'Memory of each rank\'s machine',
  gpus             ARRAY<STRING>       COMMENT 'GPUs of all ranks\' machines',
  gpu_addresses    ARRAY<STRING>       COMMENT 'Of each rank the GPUs that Spark gave it, with commas between; empty: none',
  numerics         MAP<STRING, STRING> COMMENT 'Facts that decide bits: versions, instruction set, flags, probe',
  numerics_sha256  STRING              COMMENT 'Of these facts',
  steps_recomputed INT                 COMMENT 'Steps an earlier attempt had done; each was equal. 0 where the driver was lost, which nobody counted for',
  recording_cpu_ms BIGINT              COMMENT 'CPU time that the driver spent meanwhile on journal, tables and tracking server, beside the training; 0 where the driver was lost',
  started_at       TIMESTAMP           COMMENT 'When all ranks were there',
  ended_at         TIMESTAMP           COMMENT 'When its end was written down: of a lost driver by the next one, however much later',
  wall_ms          BIGINT              COMMENT 'From its start to its end; of a lost driver to the last that it wrote',
  outcome          STRING              COMMENT 'finished, or why it ended'
)
USING delta
COMMENT 'A row for each start of the ranks of a run, written when it is over'
TBLPROPERTIES (
  'delta.appendOnly' = 'true',
  'delta.logRetentionDuration' = 'interval 36500 days',
  'delta.deletedFileRetentionDuration' = 'interval 36500 days',
  'delta.enableDeletionVectors' = 'false',
  'delta.columnMapping.mode' = 'none'
)
