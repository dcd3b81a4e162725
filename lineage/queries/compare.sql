-- In what do these two runs differ?
-- run: a run, or the start of its name
-- other: another
--   part           configuration, inputs, data, code, numerics or result
--   key            which of the part; of the numerics only that they differ: attempts.numerics has the facts; the code is that
--                  of the last driver that computed steps, and of how many programs there were: drivers has each
--   run_value      what the run has; null: nothing
--   other_value    what the other has
--   run_number     the same where it is a figure
--   other_number   the same where it is a figure
--   run_reason     why, as its configuration says
--   other_reason   why, as the other's configuration says
WITH
  settings_of AS (
    SELECT runs.run, settings.key, settings.value, settings.reason
    FROM runs JOIN settings ON settings.experiment = runs.experiment),
  computing AS (
    SELECT DISTINCT attempts.run, attempts.driver
    FROM attempts JOIN steps ON steps.run = attempts.run AND steps.attempt = attempts.attempt),
  -- An attempt that is not over has no row, so a run in its first has only drivers.
  last_computing AS (
    SELECT drivers.run, coalesce(max(computing.driver), max(drivers.driver)) AS driver
    FROM drivers LEFT JOIN computing ON computing.run = drivers.run AND computing.driver = drivers.driver
    GROUP BY drivers.run),
  code AS (
    SELECT drivers.run, drivers.code_commit, drivers.code_diff_sha256, drivers.program_sha256
    FROM drivers JOIN last_computing ON last_computing.run = drivers.run AND last_computing.driver = drivers.driver),
  facts AS (
    SELECT run, 'configuration' AS part, key, value, CAST(NULL AS DOUBLE) AS number, reason FROM settings_of
    UNION ALL SELECT run, 'inputs', 'model', model_sha256, NULL, NULL FROM runs
    UNION ALL SELECT run, 'inputs', 'snapshot', snapshot_sha256, NULL, NULL FROM runs
    UNION ALL SELECT run, 'inputs', 'plan', plan_sha256, NULL, NULL FROM runs
    UNION ALL SELECT run, 'inputs', 'evaluation', evaluation_sha256, NULL, NULL FROM runs
    UNION ALL SELECT runs.run, 'data', 'version of ' || snapshot_datasets.dataset, NULL, CAST(snapshot_datasets.version AS DOUBLE), NULL
      FROM runs JOIN snapshot_datasets ON snapshot_datasets.snapshot_key = runs.snapshot_key
    -- A dataset and a transform may have one name.
    UNION ALL SELECT runs.run, 'data',
      CASE transforms.kind WHEN 'dataset' THEN 'rows of ' ELSE 'rows after ' END || transforms.name, NULL,
      CAST(transforms.rows AS DOUBLE), NULL
      FROM runs JOIN transforms ON transforms.snapshot_key = runs.snapshot_key
    UNION ALL SELECT run, 'code', 'commit', code_commit, NULL, NULL FROM code
    UNION ALL SELECT run, 'code', 'difference from the commit', code_diff_sha256, NULL, NULL FROM code
    UNION ALL SELECT run, 'code', 'program', program_sha256, NULL, NULL FROM code
    UNION ALL SELECT drivers.run, 'code', 'programs that computed steps', NULL, CAST(count(DISTINCT drivers.program_sha256) AS DOUBLE), NULL
      FROM drivers JOIN computing ON computing.run = drivers.run AND computing.driver = drivers.driver
      GROUP BY drivers.run
    UNION ALL SELECT run, 'numerics', 'digest', numerics_sha256, NULL, NULL FROM attempts WHERE attempt = 1
    UNION ALL SELECT run, 'result', 'steps', NULL, CAST(exported_step AS DOUBLE), NULL FROM run_ends
    UNION ALL SELECT run, 'result', 'loss before', NULL, loss_before, NULL FROM run_ends
    UNION ALL SELECT run, 'result', 'loss after', NULL, loss_after, NULL FROM run_ends
    UNION ALL SELECT run, 'result', 'verdict', verdict, NULL, NULL FROM run_ends
    UNION ALL SELECT run, 'result', 'weights', weights_sha256, NULL, NULL FROM run_ends),
  one AS (SELECT * FROM facts WHERE run = :run),
  two AS (SELECT * FROM facts WHERE run = :other)
SELECT
  coalesce(one.part, two.part) AS part,
  coalesce(one.key, two.key) AS key,
  one.value AS run_value,
  two.value AS other_value,
  one.number AS run_number,
  two.number AS other_number,
  one.reason AS run_reason,
  two.reason AS other_reason
FROM one FULL OUTER JOIN two ON two.part = one.part AND two.key = one.key
WHERE one.value IS DISTINCT FROM two.value OR one.number IS DISTINCT FROM two.number
ORDER BY part, key
