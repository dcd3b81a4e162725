-- Which rows did these two runs not train on equally often?
-- run: a run, or the start of its name
-- other: another
--   dataset      the dataset
--   row_id       the row, as datasets/NAME has it; where the dataset has a key, of whatever content
--   run_times    how often the run saw it
--   other_times  how often the other saw it
WITH
  one AS (SELECT row_id, min(dataset) AS dataset, count(*) AS times FROM exposures WHERE run = :run GROUP BY row_id),
  two AS (SELECT row_id, min(dataset) AS dataset, count(*) AS times FROM exposures WHERE run = :other GROUP BY row_id)
SELECT
  coalesce(one.dataset, two.dataset) AS dataset,
  coalesce(one.row_id, two.row_id) AS row_id,
  coalesce(one.times, 0) AS run_times,
  coalesce(two.times, 0) AS other_times
FROM one FULL OUTER JOIN two ON two.row_id = one.row_id
WHERE coalesce(one.times, 0) <> coalesce(two.times, 0)
ORDER BY dataset, row_id
