-- What went wrong, in which run, and after which step?
--   run       the run
--   what      attempt; resumable, check-does-not-hold, bad-input or defect where a driver gave up; unfinished
--   attempt   where it was one
--   step      steps done, or the step the attempt had gone on from
--   cause     what was said
--   noted_at  when it was written down
SELECT run, what, attempt, step, cause, noted_at
FROM troubles
ORDER BY noted_at, run, what, attempt NULLS LAST
