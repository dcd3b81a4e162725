package io.retune.config;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/** Collects what is wrong, so that all of it is said at once: file by file, line by line. */
final class Problems {
  private record Found(int file, int line, Problem problem) {}

  private final List<String> files = new ArrayList<>();
  private final List<Found> found = new ArrayList<>();

  void add(ErrorCode code, Place place, String message, String remedy) {
    if (!files.contains(place.file())) {
      files.add(place.file());
    }
    Problem problem = new Problem(code, place.toString(), message, remedy);
    if (found.stream().noneMatch(f -> f.problem().equals(problem))) {
      found.add(new Found(files.indexOf(place.file()), place.line(), problem));
    }
  }

  /** Makes {@code file} come before files that are first mentioned later. */
  void expect(String file) {
    if (!files.contains(file)) {
      files.add(file);
    }
  }

  boolean isEmpty() {
    return found.isEmpty();
  }

  /**
   * @throws InvalidInputException if anything was added
   */
  void throwIfAny() {
    if (!found.isEmpty()) {
      throw new InvalidInputException(
          found.stream()
              .sorted(Comparator.comparingInt(Found::file).thenComparingInt(Found::line))
              .map(Found::problem)
              .toList());
    }
  }
}
