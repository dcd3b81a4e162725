-- How often did this run see each row, first and last?
-- run: a run, or the start of its name
--   dataset          the dataset
--   dataset_version  its version
--   row_id           the row, as datasets/NAME has it
--   times_seen       by this run
--   target_tokens    trained tokens of it, over all times
--   first_step       that saw it
--   last_step        that saw it
SELECT
  dataset,
  dataset_version,
  row_id,
  count(*) AS times_seen,
  CAST(sum(target_tokens) AS BIGINT) AS target_tokens,
  min(step) AS first_step,
  max(step) AS last_step
FROM exposures
WHERE run = :run
GROUP BY dataset, dataset_version, row_id
ORDER BY times_seen DESC, dataset, row_id
