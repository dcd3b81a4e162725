-- Which finished runs are the best, among those scored on the same examples?
--   evaluation_sha256  the frozen examples
--   place              from 1
--   run                the run
--   loss_before        mean loss per target token of the untouched model, nats
--   loss_after         of the trained one
--   low                lower bound of after - before
--   high               upper bound of after - before
--   verdict            better, worse or no difference shown
--   steps              trained
--   target_tokens      trained
--   weights_sha256     exported
SELECT
  evaluation_sha256,
  place,
  run,
  loss_before,
  loss_after,
  loss_low AS low,
  loss_high AS high,
  verdict,
  exported_step AS steps,
  target_tokens,
  weights_sha256
FROM run_rivals
ORDER BY evaluation_sha256, place, run
