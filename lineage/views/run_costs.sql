-- What each run took so far: time, memory, disk. Attempts count once they are over; 0 is nothing, null where there is nothing to measure.
SELECT
  runs.run,
  runs.name,
  runs.started_at,
  coalesce(run_ends.status, 'unfinished') AS status,
  coalesce(tried.attempts, 0) AS attempts,
  tried.most_ranks,
  coalesce(tried.lane_ms, 0) AS lane_ms,
  coalesce(tried.steps_recomputed, 0) AS steps_recomputed,
  coalesce(done.steps_done, 0) AS steps_done,
  coalesce(done.tokens, 0) AS tokens,
  coalesce(done.target_tokens, 0) AS target_tokens,
  coalesce(done.step_ms, 0) AS step_ms,
  coalesce(done.record_ms, 0) AS record_ms,
  coalesce(tried.recording_cpu_ms, 0) AS recording_cpu_ms,
  coalesce(sent.publish_cpu_ms, 0) AS publish_cpu_ms,
  1000.0E0 * done.tokens / nullif(done.step_ms, 0) AS tokens_per_second,
  done.memory_bytes,
  coalesce(scored.evaluate_ms, 0) AS evaluate_ms,
  coalesce(kept.checkpoint_ms, 0) AS checkpoint_ms,
  coalesce(kept.checkpoint_bytes, 0) AS checkpoint_bytes,
  coalesce(written.artifact_bytes, 0) AS artifact_bytes
FROM runs
  LEFT JOIN (SELECT run, sum(cpu_ms) AS publish_cpu_ms FROM deliveries GROUP BY run) sent ON sent.run = runs.run
  LEFT JOIN run_ends ON run_ends.run = runs.run
  LEFT JOIN (
    SELECT
      run,
      count(*) AS attempts,
      max(world_size) AS most_ranks,
      CAST(sum(wall_ms * total_lanes) AS BIGINT) AS lane_ms,
      CAST(sum(steps_recomputed) AS BIGINT) AS steps_recomputed,
      CAST(sum(recording_cpu_ms) AS BIGINT) AS recording_cpu_ms
    FROM attempts GROUP BY run) tried ON tried.run = runs.run
  LEFT JOIN (
    SELECT
      run,
      count(*) AS steps_done,
      CAST(sum(tokens) AS BIGINT) AS tokens,
      CAST(sum(target_tokens) AS BIGINT) AS target_tokens,
      CAST(sum(wall_ms) AS BIGINT) AS step_ms,
      CAST(sum(record_ms) AS BIGINT) AS record_ms,
      max(memory_bytes) AS memory_bytes
    FROM steps GROUP BY run) done ON done.run = runs.run
  LEFT JOIN (
    SELECT run, CAST(sum(wall_ms) AS BIGINT) AS evaluate_ms FROM evaluations GROUP BY run) scored ON scored.run = runs.run
  LEFT JOIN (
    SELECT run, CAST(sum(wall_ms) AS BIGINT) AS checkpoint_ms, CAST(sum(bytes) AS BIGINT) AS checkpoint_bytes
    FROM checkpoints GROUP BY run) kept ON kept.run = runs.run
  LEFT JOIN (
    -- A file that was written again counts once, as it is now.
    SELECT run, CAST(sum(bytes) AS BIGINT) AS artifact_bytes
    FROM (SELECT run, name, max_by(bytes, entry) AS bytes FROM artifacts GROUP BY run, name) latest
    GROUP BY run) written ON written.run = runs.run
