-- Every run, with how it ended where it has.
SELECT
  runs.run,
  runs.name,
  runs.request,
  runs.experiment,
  runs.model_sha256,
  runs.snapshot_sha256,
  runs.plan_key,
  runs.plan_sha256,
  runs.evaluation_sha256,
  runs.steps,
  runs.tokens,
  runs.target_tokens,
  runs.started_at,
  coalesce(run_ends.status, 'unfinished') AS status,
  run_ends.exported_step,
  run_ends.weights_sha256,
  run_ends.loss_before,
  run_ends.loss_after,
  run_ends.loss_low,
  run_ends.loss_high,
  run_ends.verdict,
  run_ends.success,
  run_ends.ended_at
FROM runs
  LEFT JOIN run_ends ON run_ends.run = runs.run
