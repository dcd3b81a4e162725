-- Which models saw this row, how often, when and where?
-- row: a row_id, as datasets/NAME and rows-of-run have it
--   run              the run
--   weights_sha256   its exported weights; null while it has none
--   dataset          the dataset the row is of
--   dataset_version  its version
--   times_seen       by this run
--   epoch            from 1
--   step             optimizer step, from 1
--   micro_batch      index in the plan, from 0
--   slot             place in the micro-batch, from 0
--   token_offset     of its first token in the micro-batch
--   target_tokens    tokens of it that were trained
--   done_at          when the step was written down
SELECT
  exposures.run,
  run_ends.weights_sha256,
  exposures.dataset,
  exposures.dataset_version,
  count(*) OVER (PARTITION BY exposures.run) AS times_seen,
  exposures.epoch,
  exposures.step,
  exposures.micro_batch,
  exposures.slot,
  exposures.token_offset,
  exposures.target_tokens,
  exposures.done_at
FROM exposures
  LEFT JOIN run_ends ON run_ends.run = exposures.run
WHERE exposures.row_id = :row
ORDER BY exposures.run, exposures.step, exposures.micro_batch, exposures.slot
