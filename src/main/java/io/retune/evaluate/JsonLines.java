package io.retune.evaluate;

import com.fasterxml.jackson.databind.JsonNode;
import io.retune.config.ErrorCode;
import io.retune.config.FileReason;
import io.retune.config.InvalidInputException;
import io.retune.config.Problem;
import io.retune.store.Json;
import java.io.IOException;
import java.nio.charset.MalformedInputException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiFunction;

/**
 * A file with a JSON object a line; blank lines are none.
 *
 * @param expected what a line is, for messages
 */
public record JsonLines(Path file, String expected) {
  /**
   * What {@code each} makes of a line, given where it stands and the object.
   *
   * @throws InvalidInputException with every line that is no object, or that {@code each} refuses;
   *     of very many the first
   */
  public <T> List<T> read(BiFunction<String, JsonNode, T> each) {
    List<T> read = new ArrayList<>();
    List<Problem> problems = new ArrayList<>();
    List<String> lines = lines();
    for (int i = 0; i < lines.size() && problems.size() < Problem.MOST_SHOWN; i++) {
      if (!lines.get(i).isBlank()) {
        String place = file + ":" + (i + 1);
        try {
          read.add(each.apply(place, object(place, lines.get(i))));
        } catch (InvalidInputException e) {
          e.problems().forEach(problem -> problems.add(at(place, problem)));
        }
      }
    }
    if (!problems.isEmpty()) {
      throw new InvalidInputException(problems);
    }
    return read;
  }

  /** What is said of a model's template is said of the line that it cannot render. */
  private static Problem at(String place, Problem problem) {
    return problem.place().startsWith(place) ? problem : problem.at(place);
  }

  private List<String> lines() {
    try {
      return Files.readAllLines(file);
    } catch (NoSuchFileException e) {
      throw InvalidInputException.of(
          ErrorCode.FILE_NOT_FOUND, file.toString(), "is not there.", "Check --data.");
    } catch (MalformedInputException e) {
      throw InvalidInputException.notUtf8(file.toString());
    } catch (IOException e) {
      throw InvalidInputException.notReadable(
          ErrorCode.SOURCE_NOT_READABLE,
          file.toString(),
          e,
          "Give a file of JSON lines with --data.");
    }
  }

  private JsonNode object(String place, String line) {
    try {
      JsonNode json = Json.read(line.getBytes(StandardCharsets.UTF_8));
      if (json.isObject()) {
        return json;
      }
    } catch (IOException e) {
      throw InvalidInputException.of(
          ErrorCode.MALFORMED_JSON, place, "is no JSON: " + FileReason.of(e) + ".", expected);
    }
    throw InvalidInputException.of(
        ErrorCode.MALFORMED_JSON, place, "is JSON, but no object.", expected);
  }
}
