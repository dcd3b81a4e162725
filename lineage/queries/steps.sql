-- What did each step of this run do, and what did it cost?
-- run: a run, or the start of its name
--   step                      from 1
--   attempt                   which attempt did it first
--   loss                      mean over the step's target tokens, nats
--   learning_rate             used in this step
--   grad_norm                 L2 norm of the summed gradient before clipping
--   target_tokens             trained tokens of the step
--   tokens_per_second         all tokens
--   target_tokens_per_second  trained tokens
--   wall_ms                   the whole step, without record_ms
--   compute_ms                micro-batches, the longest of all ranks
--   exchange_ms               summing over ranks
--   wait_ms                   waiting for other ranks
--   data_ms                   reading micro-batches, added up over lanes
--   record_ms                 waiting for the journal
--   checkpoint_ms             of the checkpoint behind it; 0 where there is none
--   memory_bytes              largest resident memory of any rank so far
SELECT
  step,
  attempt,
  loss,
  learning_rate,
  grad_norm,
  target_tokens,
  tokens_per_second,
  target_tokens_per_second,
  wall_ms,
  compute_ms,
  exchange_ms,
  wait_ms,
  data_ms,
  record_ms,
  checkpoint_ms,
  memory_bytes
FROM step_rates
WHERE run = :run
ORDER BY step
