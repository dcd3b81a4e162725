-- Finished runs beside those that were scored on the same frozen examples: their place, and the best loss before them.
SELECT
  runs.run,
  runs.name,
  runs.experiment,
  -- Runs of before it was noted are held against runs on the same snapshot.
  coalesce(runs.evaluation_sha256, runs.snapshot_sha256) AS evaluation_sha256,
  runs.target_tokens,
  run_ends.exported_step,
  run_ends.weights_sha256,
  run_ends.loss_before,
  run_ends.loss_after,
  run_ends.loss_low,
  run_ends.loss_high,
  run_ends.verdict,
  run_ends.ended_at,
  rank() OVER (PARTITION BY coalesce(runs.evaluation_sha256, runs.snapshot_sha256) ORDER BY run_ends.loss_after) AS place,
  min(run_ends.loss_after) OVER (
    PARTITION BY coalesce(runs.evaluation_sha256, runs.snapshot_sha256), runs.name ORDER BY run_ends.ended_at, runs.run
    ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS best_before
FROM runs
  JOIN run_ends ON run_ends.run = runs.run
