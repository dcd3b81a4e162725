-- What did each run cost?
--   run               the run
--   started_at        when it was started
--   status            finished or unfinished
--   attempts          starts of its ranks that are over
--   most_ranks        ranks of the largest of them; null: there is none
--   lane_ms           their time by their lanes: what was occupied
--   steps_done        steps
--   steps_recomputed  steps that were done again after a failure, as far as an attempt lived to say
--   tokens            of all steps
--   step_ms           the steps
--   record_ms         the training's waiting for the journal, beside step_ms
--   recording_cpu_ms  of the driver, for journal, tables and tracking server, while attempts that are over trained
--   publish_cpu_ms    of the thread that publishes, until the run's driver ended
--   evaluate_ms       scoring the frozen split
--   checkpoint_ms     writing checkpoints
--   tokens_per_second of the steps; null: there is none
--   memory_bytes      largest resident memory of a rank; null: no step is done
--   checkpoint_bytes  written as checkpoints
--   artifact_bytes    files that belong to the run
SELECT
  run,
  started_at,
  status,
  attempts,
  most_ranks,
  lane_ms,
  steps_done,
  steps_recomputed,
  tokens,
  step_ms,
  record_ms,
  recording_cpu_ms,
  publish_cpu_ms,
  evaluate_ms,
  checkpoint_ms,
  tokens_per_second,
  memory_bytes,
  checkpoint_bytes,
  artifact_bytes
FROM run_costs
ORDER BY run
