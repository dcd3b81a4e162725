-- Every step of every run, with its rates, and the checkpoint behind it.
SELECT
  steps.run,
  steps.step,
  steps.attempt,
  steps.loss,
  steps.learning_rate,
  steps.grad_norm,
  steps.tokens,
  steps.target_tokens,
  1000.0E0 * steps.tokens / greatest(steps.wall_ms, 1) AS tokens_per_second,
  1000.0E0 * steps.target_tokens / greatest(steps.wall_ms, 1) AS target_tokens_per_second,
  steps.wall_ms,
  steps.compute_ms,
  steps.exchange_ms,
  steps.wait_ms,
  steps.data_ms,
  steps.record_ms,
  coalesce(checkpoints.wall_ms, 0) AS checkpoint_ms,
  steps.memory_bytes,
  steps.done_at
FROM steps
  LEFT JOIN checkpoints ON checkpoints.run = steps.run AND checkpoints.step = steps.step
