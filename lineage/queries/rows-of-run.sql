-- Which rows trained this model, and when?
-- run: a run, or the start of its name
--   dataset          the dataset
--   dataset_version  its version: the table datasets says which of Delta's holds it
--   row_id           the row, as datasets/NAME has it
--   example_id       the example that was made of it
--   epoch            from 1
--   step             optimizer step, from 1
--   micro_batch      index in the plan, from 0
--   slot             place in the micro-batch, from 0
--   tokens           tokens of the example
--   target_tokens    those of them that were trained
--   done_at          when the step was written down
SELECT dataset, dataset_version, row_id, example_id, epoch, step, micro_batch, slot, tokens, target_tokens, done_at
FROM exposures
WHERE run = :run
ORDER BY step, micro_batch, slot, row_id
