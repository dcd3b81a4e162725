package io.retune.config;

import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Which sources can be named, and that their names do not move. */
final class SourceForm {
  private static final String EXPECTED =
      "Expected file:PATH, pip:NAME==VERSION!path, maven:GROUP:ARTIFACT:VERSION!path"
          + " or a Hadoop URI such as s3a://bucket/path.";

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

  static Kind<String> kind() {
    return Kind.text(EXPECTED);
  }

  /** Adds what is wrong with {@code source}, the value of {@code key}. */
  static void check(Block block, String key, String source) {
    if (source.isEmpty()) {
      return;
    }
    if (source.matches("[^!]*//[^/]*@.*")) {
      block.problem(
          key,
          "holds a user name or a password, and a recipe is written into every record.",
          "Take it out; credentials belong into Hadoop's own configuration.");
      return;
    }
    Matcher pip = PIP.matcher(source);
    Matcher maven = MAVEN.matcher(source);
    if (pip.matches()) {
      checkPip(block, key, pip);
    } else if (maven.matches()) {
      checkMaven(block, key, maven);
    } else if (!URI.matcher(source).matches() || source.startsWith("pip:")) {
      block.problem(key, "is no source.", EXPECTED);
    }
  }

  private static void checkPip(Block block, String key, Matcher pip) {
    String version = pip.group(2);
    String name = pip.group(1);
    if (!version.matches("==[A-Za-z0-9.+!_-]*[A-Za-z0-9]") || moves(version.substring(2))) {
      block.problem(
          key,
          "names no exact version, so its bytes may change.",
          "Pin it: pip:" + name + "==VERSION!path.");
    } else if (isBlank(pip.group(4))) {
      block.problem(
          key, "does not say which file.", "Add it: pip:" + name + version + "!path/in/the/wheel.");
    }
  }

  private static void checkMaven(Block block, String key, Matcher maven) {
    List<String> parts = List.of(maven.group(1).split(":", -1));
    if (parts.size() < 2
        || parts.size() > 3
        || !parts.get(0).matches(NAME)
        || !parts.get(1).matches(NAME)) {
      block.problem(key, "is no source.", "Expected maven:GROUP:ARTIFACT:VERSION!path.");
      return;
    }
    String module = "maven:" + parts.get(0) + ":" + parts.get(1);
    String version = parts.size() == 3 ? parts.get(2) : "";
    boolean exact = version.matches("[A-Za-z0-9._-]+") && !version.endsWith("-SNAPSHOT");
    if (!exact || moves(version)) {
      block.problem(
          key,
          "names no exact version, so its bytes may change.",
          "Pin it: " + module + ":VERSION!path.");
    } else if (isBlank(maven.group(3))) {
      block.problem(
          key, "does not say which file.", "Add it: " + module + ":" + version + "!path/in/jar.");
    }
  }

  private static boolean moves(String version) {
    return MOVING.contains(version.toLowerCase(Locale.ROOT));
  }

  private static boolean isBlank(String path) {
    return path == null || path.isBlank();
  }
}
