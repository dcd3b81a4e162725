-- What each run took: time, memory, disk.
SELECT
  runs.run,
  runs.name,
  coalesce(run_ends.status, 'unfinished') AS status,
  tried.attempts,
  tried.most_ranks,
  tried.lane_ms,
  tried.steps_recomputed,
  done.steps_done,
  done.tokens,
  done.target_tokens,
  done.step_ms,
  done.record_ms,
  coalesce(sent.publish_cpu_ms, 0) AS publish_cpu_ms,
  1000.0E0 * done.tokens / greatest(done.step_ms, 1) AS tokens_per_second,
  done.memory_bytes,
  scored.evaluate_ms,
  kept.checkpoint_ms,
  kept.checkpoint_bytes,
  written.artifact_bytes
FROM runs
  LEFT JOIN (SELECT run, sum(cpu_ms) AS publish_cpu_ms FROM deliveries GROUP BY run) sent ON sent.run = runs.run
  LEFT JOIN run_ends ON run_ends.run = runs.run
  LEFT JOIN (
    SELECT
      run,
      count(*) AS attempts,
      max(world_size) AS most_ranks,
      CAST(sum(wall_ms * total_lanes) AS BIGINT) AS lane_ms,
      CAST(sum(steps_recomputed) AS BIGINT) AS steps_recomputed
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
    SELECT run, CAST(sum(bytes) AS BIGINT) AS artifact_bytes FROM artifacts GROUP BY run) written ON written.run = runs.run
