package io.retune.config;

import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Which sources can be named, and that their names do not move. */
final class SourceForm {
  /** What the bytes are for. */
  enum Use {
    MODEL("hf://models/ORG/NAME@COMMIT", ""),
    DATASET(
        "hf://datasets/ORG/NAME@COMMIT!path",
        ", delta:PATH@VERSION, sql:SELECT ... FROM TABLE VERSION AS OF N");

    private final String hub;
    private final String tables;

    Use(String hub, String tables) {
      this.hub = hub;
      this.tables = tables;
    }

    String expected() {
      return "Expected file:PATH, pip:NAME==VERSION!path, maven:GROUP:ARTIFACT:VERSION!path, "
          + hub
          + tables
          + " or a Hadoop URI such as s3a://bucket/path.";
    }

    boolean takes(HubSource source) {
      return source.isModel() == (this == MODEL);
    }
  }

  private static final String PIN = "./retune pin CONF writes ";

  /** A name and nothing else (PEP 508): pip takes a URL for an order to build what lies there. */
  private static final Pattern PIP =
      Pattern.compile(
          "pip:([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)([^!A-Za-z0-9._-][^!]*|)(!(.*))?");

  /** Of a Maven group or artifact. */
  private static final String NAME = "[A-Za-z0-9][A-Za-z0-9._-]*";

  private static final Pattern MAVEN = Pattern.compile("maven:([^!]*)(!(.*))?");
  private static final Pattern URI = Pattern.compile("[a-z][a-z0-9+.-]*:.+");

  /** Words that mean another thing tomorrow. */
  private static final List<String> MOVING = List.of("latest", "release", "main", "master", "head");

  private SourceForm() {}

  static Kind<String> kind(Use use) {
    return Kind.text(use.expected());
  }

  /**
   * Whether {@code source} means other bytes when somebody goes on writing where it lies, and can
   * be pinned to those of now.
   */
  static boolean moves(String source) {
    return HubSource.parse(source).filter(hub -> !hub.isPinned()).isPresent()
        || TableSource.parse(source).filter(SourceForm::moves).isPresent();
  }

  static boolean isFixed(String source) {
    Matcher pip = PIP.matcher(source);
    Matcher maven = MAVEN.matcher(source);
    return HubSource.parse(source).filter(HubSource::isPinned).isPresent()
        || (pip.matches() && isExactOfPip(pip.group(2)))
        || (maven.matches() && isExactOfMaven(version(mavenParts(maven))));
  }

  /** With any commit or version in the place of one that moves. */
  static String asIfPinned(String source) {
    if (!moves(source)) {
      return source;
    }
    return HubSource.parse(source)
        .map(hub -> hub.at("0".repeat(40)).toString())
        .orElseGet(() -> source + "@0");
  }

  private static boolean moves(TableSource table) {
    return table instanceof TableSource.Delta delta && delta.version().isEmpty();
  }

  /** Adds what is wrong with {@code source}, the value of {@code key}. */
  static void check(Block block, String key, String source, Use use) {
    if (source.isEmpty()) {
      return;
    }
    Optional<TableSource> table = TableSource.parse(source);
    if (holdsCredentials(source, table)) {
      block.problem(
          ErrorCode.SECRET_INLINE,
          key,
          "holds a user name or a password, and a recipe is written into every record.",
          "Take it out; credentials belong into Hadoop's own configuration.");
      return;
    }
    Matcher pip = PIP.matcher(source);
    Matcher maven = MAVEN.matcher(source);
    if (HubSource.isHub(source)) {
      checkHub(block, key, HubSource.parse(source), use);
    } else if (table.isPresent()) {
      checkTable(block, key, table.get(), use);
    } else if (pip.matches()) {
      checkPip(block, key, pip);
    } else if (maven.matches()) {
      checkMaven(block, key, maven);
    } else if (!URI.matcher(source).matches() || source.matches("(pip|delta|sql):.*")) {
      block.problem(ErrorCode.NOT_A_SOURCE, key, "is no source.", use.expected());
    }
  }

  /** A table's version stands behind an @ of its own, and a query may hold whatever it likes. */
  private static boolean holdsCredentials(String source, Optional<TableSource> table) {
    if (table.isPresent()) {
      return table.get() instanceof TableSource.Delta delta
          && delta.path().matches("[A-Za-z][A-Za-z0-9+.-]*://[^/]*@.*");
    }
    return source.matches("[^!]*//[^/]*@.*");
  }

  private static void checkHub(Block block, String key, Optional<HubSource> hub, Use use) {
    if (hub.isEmpty()) {
      block.problem(
          ErrorCode.NOT_A_SOURCE, key, "is no source on the hub.", "Expected " + use.hub + ".");
    } else if (!use.takes(hub.get())) {
      block.problem(
          ErrorCode.NOT_A_SOURCE,
          key,
          hub.get().isModel() ? "is a model." : "is a dataset.",
          "Expected " + use.hub + ".");
    } else if (!hub.get().isPinned()) {
      block.problem(
          ErrorCode.SOURCE_MOVES,
          key,
          "names no commit but \"" + hub.get().revision() + "\", which may be moved.",
          PIN + "the commit of now.");
    } else if (use == Use.DATASET && hub.get().path().isEmpty()) {
      block.problem(
          ErrorCode.NOT_A_SOURCE,
          key,
          "does not say which files.",
          "Add them: " + hub.get() + "!data/*.jsonl.");
    }
  }

  private static void checkTable(Block block, String key, TableSource table, Use use) {
    if (use == Use.MODEL) {
      block.problem(ErrorCode.NOT_A_SOURCE, key, "is a table, not a model.", use.expected());
    } else if (moves(table)) {
      block.problem(
          ErrorCode.SOURCE_MOVES,
          key,
          "names no version, so its rows may change.",
          PIN + "the newest: " + table + "@VERSION.");
    }
  }

  private static void checkPip(Block block, String key, Matcher pip) {
    String version = pip.group(2);
    String name = pip.group(1);
    if (!isExactOfPip(version)) {
      block.problem(
          ErrorCode.SOURCE_MOVES,
          key,
          "names no exact version, so its bytes may change.",
          "Pin it: pip:" + name + "==VERSION!path.");
    } else if (isBlank(pip.group(4))) {
      block.problem(
          ErrorCode.NOT_A_SOURCE,
          key,
          "does not say which file.",
          "Add it: pip:" + name + version + "!path/in/the/wheel.");
    }
  }

  private static void checkMaven(Block block, String key, Matcher maven) {
    List<String> parts = mavenParts(maven);
    if (parts.size() < 2
        || parts.size() > 3
        || !parts.get(0).matches(NAME)
        || !parts.get(1).matches(NAME)) {
      block.problem(
          ErrorCode.NOT_A_SOURCE,
          key,
          "is no source.",
          "Expected maven:GROUP:ARTIFACT:VERSION!path.");
      return;
    }
    String module = "maven:" + parts.get(0) + ":" + parts.get(1);
    String version = version(parts);
    if (!isExactOfMaven(version)) {
      block.problem(
          ErrorCode.SOURCE_MOVES,
          key,
          "names no exact version, so its bytes may change.",
          "Pin it: " + module + ":VERSION!path.");
    } else if (isBlank(maven.group(3))) {
      block.problem(
          ErrorCode.NOT_A_SOURCE,
          key,
          "does not say which file.",
          "Add it: " + module + ":" + version + "!path/in/jar.");
    }
  }

  private static List<String> mavenParts(Matcher maven) {
    return List.of(maven.group(1).split(":", -1));
  }

  /** Of group, artifact and version; empty where they are not three. */
  private static String version(List<String> mavenParts) {
    return mavenParts.size() == 3 ? mavenParts.get(2) : "";
  }

  private static boolean isExactOfPip(String version) {
    return version.matches("==[A-Za-z0-9.+!_-]*[A-Za-z0-9]") && !isMoving(version.substring(2));
  }

  private static boolean isExactOfMaven(String version) {
    return version.matches("[A-Za-z0-9._-]+")
        && !version.endsWith("-SNAPSHOT")
        && !isMoving(version);
  }

  private static boolean isMoving(String version) {
    return MOVING.contains(version.toLowerCase(Locale.ROOT));
  }

  private static boolean isBlank(String path) {
    return path == null || path.isBlank();
  }
}
