-- Which source row is in which step of which run: a row for each time that a run trained on a source row.
SELECT
  runs.run,
  runs.name,
  ledger_by_row.dataset,
  snapshot_datasets.version AS dataset_version,
  ledger_by_row.row_id,
  ledger_by_row.example_id,
  ledger_by_row.epoch,
  ledger_by_row.step,
  ledger_by_row.micro_batch,
  ledger_by_row.slot,
  ledger_by_row.token_offset,
  ledger_by_row.tokens,
  ledger_by_row.target_tokens,
  steps.done_at
FROM ledger_by_row
  JOIN runs ON runs.plan_key = ledger_by_row.plan_key
  JOIN steps ON steps.run = runs.run AND steps.step = ledger_by_row.step
  LEFT JOIN snapshot_datasets
    ON snapshot_datasets.snapshot_key = runs.snapshot_key AND snapshot_datasets.dataset = ledger_by_row.dataset
WHERE ledger_by_row.split = 'train'
