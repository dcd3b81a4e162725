-- What did each step of this run do, and what did it cost?
-- run: a run, or the start of its name
SELECT
  step,
  attempt,
  loss,
  learning_rate,
  grad_norm,
  target_tokens,
  compute_ms,
  exchange_ms,
  wait_ms,
  data_ms,
  wall_ms
FROM steps
WHERE run = :run
ORDER BY step
