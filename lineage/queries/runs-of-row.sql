-- Which models saw this row, how often, and in which steps?
-- row: a row_id, as datasets/NAME and rows-of-run have it
SELECT
  runs.run,
  run_ends.weights_sha256,
  ledger.dataset,
  count(*) AS times_seen,
  sum(ledger.target_tokens) AS target_tokens_seen,
  array_sort(collect_list(ledger.step)) AS steps
FROM ledger
  JOIN runs ON runs.plan_key = ledger.plan_key
  JOIN steps ON steps.run = runs.run AND steps.step = ledger.step
  LEFT JOIN run_ends ON run_ends.run = runs.run
WHERE ledger.split = 'train' AND array_contains(ledger.row_ids, :row)
GROUP BY runs.run, run_ends.weights_sha256, ledger.dataset
ORDER BY runs.run
