-- What went wrong, in which run, and after which step?
--   run       the run
--   status    of the run by now: finished or unfinished
--   what      attempt; resumable, check-does-not-hold, bad-input or defect where a driver gave up; unfinished, which
--             a run also is that goes on at this moment
--   attempt   where it was one
--   step      the last that was done by then; 0: none
--   cause     what was said
--   noted_at  when that was written down; of a run without an end when it was last heard of
SELECT troubles.run, run_overview.status, troubles.what, troubles.attempt, troubles.step, troubles.cause, troubles.noted_at
FROM troubles
  JOIN run_overview ON run_overview.run = troubles.run
ORDER BY noted_at, run, what, attempt NULLS LAST
