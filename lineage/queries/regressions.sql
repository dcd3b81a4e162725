-- Which runs made something worse: than the untouched model, as a whole or in a group, or than an earlier run of their name?
--   run          the run
--   kind         untouched model, where the interval shows it; or earlier run, by however little
--   group_value  of evaluation.group-by; null for the whole split
--   loss         after training, nats per target token
--   better_loss  what it is held against: before training, or the best of the earlier runs
--   better_run   which run that was; null for the untouched model
--   ended_at     when the run ended
WITH
  beaten AS (
    SELECT worse.run, worse.loss_after, worse.best_before, min(better.run) AS better_run, worse.ended_at
    FROM run_rivals worse
      JOIN run_rivals better
        ON better.evaluation_sha256 = worse.evaluation_sha256 AND better.name = worse.name
        AND better.loss_after = worse.best_before AND better.ended_at <= worse.ended_at
    WHERE worse.loss_after > worse.best_before
    GROUP BY worse.run, worse.loss_after, worse.best_before, worse.ended_at)
SELECT
  verdicts.run,
  'untouched model' AS kind,
  verdicts.group_value,
  verdicts.loss_after AS loss,
  verdicts.loss_before AS better_loss,
  CAST(NULL AS STRING) AS better_run,
  run_ends.ended_at
FROM verdicts
  JOIN run_ends ON run_ends.run = verdicts.run
WHERE verdicts.verdict = 'worse'
UNION ALL
SELECT run, 'earlier run', CAST(NULL AS STRING), loss_after, best_before, better_run, ended_at
FROM beaten
ORDER BY ended_at, run, kind, group_value NULLS FIRST
