-- Which rows did these two runs not train on equally often?
-- run: a run, or the start of its name
-- other: another
--   dataset      the dataset
--   row_id       the row, as datasets/NAME has it
--   run_times    how often the run saw it
--   other_times  how often the other saw it
WITH
  one AS (SELECT dataset, row_id, count(*) AS times FROM exposures WHERE run = :run GROUP BY dataset, row_id),
  two AS (SELECT dataset, row_id, count(*) AS times FROM exposures WHERE run = :other GROUP BY dataset, row_id)
SELECT
  coalesce(one.dataset, two.dataset) AS dataset,
  coalesce(one.row_id, two.row_id) AS row_id,
  coalesce(one.times, 0) AS run_times,
  coalesce(two.times, 0) AS other_times
FROM one FULL OUTER JOIN two ON two.dataset = one.dataset AND two.row_id = one.row_id
WHERE coalesce(one.times, 0) <> coalesce(two.times, 0)
ORDER BY dataset, row_id
