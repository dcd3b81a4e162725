package io.retune.train;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalLong;

/**
 * What containers are made of: a group of processes with a limit of its own.
 *
 * @param limit file that has it; likewise of what is used
 * @param cache what {@code memory.stat} calls files that can be read again
 */
record ControlGroup(String limit, String used, String cache) {
  /** Source: cgroups(7); the kernel's cgroup-v2.rst, and cgroup-v1/memory.rst for the first. */
  private static final ControlGroup V1 =
      new ControlGroup("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file");

  private static final ControlGroup V2 =
      new ControlGroup("memory.max", "memory.current", "inactive_file");

  /**
   * Memory that a process may still take, by its group and those above it, bytes; empty where none
   * has a limit.
   *
   * @param groups the process's, such as {@code /proc/self/cgroup}
   * @param root where groups are mounted, such as {@code /sys/fs/cgroup}
   */
  static OptionalLong availableMemory(Path groups, Path root) {
    return lines(groups).stream()
        .map(line -> line.split(":", 3)) // number, controllers, path
        .filter(group -> group.length == 3)
        .map(
            group ->
                group[0].equals("0")
                    ? V2.available(root, group[2])
                    : List.of(group[1].split(",")).contains("memory")
                        ? V1.available(root.resolve("memory"), group[2])
                        : OptionalLong.empty())
        .flatMapToLong(OptionalLong::stream)
        .min();
  }

  /** In a container {@code path} may be as its host sees it, and {@code root} be the group. */
  private OptionalLong available(Path root, String path) {
    Path group = root.resolve(path.replaceFirst("^/+", "")).normalize();
    OptionalLong least = OptionalLong.empty();
    for (Path each = group; each.startsWith(root); each = each.getParent()) {
      OptionalLong limit = number(lines(each.resolve(limit())));
      if (limit.isPresent()) {
        long left =
            limit.getAsLong() - number(lines(each.resolve(used()))).orElse(0) + cached(each);
        // 0 would say that nobody knows.
        least = OptionalLong.of(Math.min(Math.max(1, left), least.orElse(Long.MAX_VALUE)));
      }
    }
    return least;
  }

  private long cached(Path group) {
    return lines(group.resolve("memory.stat")).stream()
        .map(line -> line.split(" "))
        .filter(words -> words[0].equals(cache))
        .mapToLong(words -> number(Arrays.asList(words).subList(1, words.length)).orElse(0))
        .sum();
  }

  /** No limit is {@code max}, or of the first version a number that no machine has bytes of. */
  private static OptionalLong number(List<String> text) {
    return text.stream()
        .filter(number -> number.matches("\\d{1,18}"))
        .mapToLong(Long::parseLong)
        .findFirst();
  }

  private static List<String> lines(Path file) {
    try {
      return Files.readAllLines(file);
    } catch (IOException | UncheckedIOException e) {
      return List.of();
    }
  }
}
