package io.retune.config;

import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A source that is no files but a table: {@code delta:PATH@VERSION}, or {@code sql:QUERY} over
 * tables whose versions the query names. Its digest is of its rows, not of the files that they lie
 * in, which a compaction rewrites: the Merkle root that a dataset's version has of them, too.
 */
public sealed interface TableSource {
  /**
   * A Delta table as it was.
   *
   * @param path a local path or a Hadoop URI
   * @param version Delta's own; empty: what it is now, which moves
   */
  record Delta(String path, Optional<Long> version) implements TableSource {
    private static final Pattern FORM = Pattern.compile("delta:(.*?\\S.*?)(?:@(\\d{1,18}))?");

    /** The same table at a version. */
    public Delta at(long other) {
      return new Delta(path, Optional.of(other));
    }

    @Override
    public String toString() {
      return "delta:" + path + version.map(v -> "@" + v).orElse("");
    }
  }

  /** What a query of Spark SQL gives. */
  record Query(String sql) implements TableSource {
    private static final Pattern FORM = Pattern.compile("(?s)sql:(.*\\S.*)");

    @Override
    public String toString() {
      return "sql:" + sql;
    }
  }

  /** Empty: {@code source} is none of them. */
  static Optional<TableSource> parse(String source) {
    Matcher delta = Delta.FORM.matcher(source);
    Matcher query = Query.FORM.matcher(source);
    if (delta.matches()) {
      return Optional.of(
          new Delta(delta.group(1), Optional.ofNullable(delta.group(2)).map(Long::valueOf)));
    }
    return query.matches() ? Optional.of(new Query(query.group(1))) : Optional.empty();
  }
}
