-- Which rows trained this model, and when?
-- run: a run, or the start of its name
SELECT
  ledger.dataset,
  row_id,
  ledger.example_id,
  ledger.epoch,
  ledger.step,
  ledger.micro_batch,
  ledger.slot,
  ledger.tokens,
  ledger.target_tokens
FROM runs
  JOIN ledger ON ledger.plan_key = runs.plan_key AND ledger.split = 'train'
  JOIN steps ON steps.run = runs.run AND steps.step = ledger.step
  LATERAL VIEW explode(ledger.row_ids) AS row_id
WHERE runs.run = :run
ORDER BY ledger.step, ledger.micro_batch, ledger.slot, row_id
