package io.retune.config;

import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A source on the Hugging Face hub: {@code hf://models/ORG/NAME@REVISION}, with or without {@code
 * !path}, or {@code hf://datasets/ORG/NAME@REVISION!path}.
 *
 * @param kind {@code models} or {@code datasets}
 * @param repository {@code ORG/NAME}
 * @param revision a commit, or else a branch or tag; {@code main} where the source says none
 * @param path in the repository, the last part of it may be a glob; empty: the files of a model
 */
public record HubSource(String kind, String repository, String revision, Optional<String> path) {
  private static final String NAME = "[A-Za-z0-9][A-Za-z0-9._-]*";

  private static final Pattern FORM =
      Pattern.compile(
          "hf://(models|datasets)/(" + NAME + "/" + NAME + ")(?:@([^!@\\s]+))?(?:!(.*\\S.*))?");

  static final String MODELS = "models";
  private static final String NEWEST = "main";

  public static boolean isHub(String source) {
    return source.startsWith("hf:");
  }

  /** Empty: {@code source} is not of this form. */
  public static Optional<HubSource> parse(String source) {
    Matcher matcher = FORM.matcher(source);
    return matcher.matches()
        ? Optional.of(
            new HubSource(
                matcher.group(1),
                matcher.group(2),
                Optional.ofNullable(matcher.group(3)).orElse(NEWEST),
                Optional.ofNullable(matcher.group(4))))
        : Optional.empty();
  }

  /** Whether the revision is a commit, rather than a branch or tag, which may be moved. */
  public boolean isPinned() {
    return revision.matches("[0-9a-f]{40}");
  }

  /** The same files at another revision. */
  public HubSource at(String other) {
    return new HubSource(kind, repository, other, path);
  }

  public boolean isModel() {
    return kind.equals(MODELS);
  }

  /** As it stands in a configuration. */
  @Override
  public String toString() {
    return "hf://" + kind + "/" + repository + "@" + revision + path.map(p -> "!" + p).orElse("");
  }
}
