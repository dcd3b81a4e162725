-- Everything that went wrong: attempts that failed, drivers that gave up, runs without an end.
SELECT
  attempts.run,
  'attempt' AS what,
  attempts.attempt,
  coalesce(max(steps.step), 0) AS step,
  attempts.outcome AS cause,
  attempts.ended_at AS noted_at
FROM attempts
  LEFT JOIN steps ON steps.run = attempts.run AND steps.attempt <= attempts.attempt
WHERE attempts.outcome <> 'finished'
GROUP BY attempts.run, attempts.attempt, attempts.outcome, attempts.ended_at
UNION ALL
SELECT run, kind AS what, NULL AS attempt, steps_done AS step, cause, failed_at AS noted_at
FROM run_failures
UNION ALL
SELECT
  runs.run,
  'unfinished' AS what,
  NULL AS attempt,
  coalesce(max(steps.step), 0) AS step,
  'has no end yet' AS cause,
  coalesce(max(steps.done_at), runs.started_at) AS noted_at
FROM runs
  LEFT JOIN run_ends ON run_ends.run = runs.run
  LEFT JOIN steps ON steps.run = runs.run
WHERE run_ends.run IS NULL
GROUP BY runs.run, runs.started_at
