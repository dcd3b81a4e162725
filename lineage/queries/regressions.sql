-- Which runs made something worse: than the untouched model, as a whole or in a group, or than an earlier run of their name?
--   run          the run
--   kind         untouched model, or earlier run
--   group_value  of evaluation.group-by; empty for the whole split
--   loss         after training, nats per target token
--   better_loss  what it is held against
--   ended_at     when the run ended
SELECT verdicts.run, 'untouched model' AS kind, verdicts.group_value, verdicts.loss_after AS loss, verdicts.loss_before AS better_loss, run_ends.ended_at
FROM verdicts
  JOIN run_ends ON run_ends.run = verdicts.run
WHERE verdicts.verdict = 'worse'
UNION ALL
SELECT run, 'earlier run' AS kind, '' AS group_value, loss_after AS loss, best_before AS better_loss, ended_at
FROM run_rivals
WHERE loss_after > best_before
ORDER BY ended_at, run, kind, group_value
