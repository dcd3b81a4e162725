-- Everything that went wrong: attempts that failed, drivers that gave up, runs without an end.
SELECT run, 'attempt' AS what, attempt, resumed_from AS step, outcome AS cause, ended_at AS noted_at
FROM attempts
WHERE outcome <> 'finished'
UNION ALL
SELECT run, kind AS what, NULL AS attempt, steps_done AS step, cause, failed_at AS noted_at
FROM run_failures
UNION ALL
SELECT runs.run, 'unfinished' AS what, NULL AS attempt, NULL AS step, 'has no end yet' AS cause, runs.started_at AS noted_at
FROM runs
  LEFT JOIN run_ends ON run_ends.run = runs.run
WHERE run_ends.run IS NULL
