package io.retune.config;

import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * Keeps secrets out of what is written for others: messages, journals, pages. Known are the values
 * of this process's environment whose names say what they are, and those that were {@link
 * #remember}ed when they were read, each also in the forms that it takes inside JSON, URIs and
 * headers; what stands before the {@code @} of a URI's authority is hidden wherever it is.
 */
public final class Secrets {
  /** Shorter ones, and short numbers, stand in any text. */
  private static final int LEAST_LENGTH = 6;

  private static final String HIDDEN = "***";

  private static final Pattern NAME =
      Pattern.compile(
          "(?i)secret|passw|passphrase|token|credential|(api|access|account|private|key|shared)[._-]?key|[._-]sas([._-]|$)");

  private static final Pattern USER_INFO =
      Pattern.compile("(?<=[A-Za-z][A-Za-z0-9+.-]{0,20}://)[^/@?#\\s\"'<>]+@");

  /** A URI up to its query or fragment, and what follows. */
  private static final Pattern QUERY =
      Pattern.compile("([A-Za-z][A-Za-z0-9+.-]{0,20}://[^\\s?#\"'<>]*)[?#][^\\s\"'<>]*");

  private static final Set<String> KNOWN = ConcurrentHashMap.newKeySet();

  /** All forms of all that is known, the longest first: one may be the start of another. */
  private static volatile List<String> forms = List.of();

  static {
    rememberAll(System.getenv());
  }

  private Secrets() {}

  private static void rememberAll(Map<String, String> environment) {
    environment.forEach(
        (name, value) -> {
          if (isSecret(name)) {
            remember(value);
          }
        });
  }

  /** Whether a setting or variable of this name holds what nobody should see. */
  public static boolean isSecret(String name) {
    return NAME.matcher(name).find();
  }

  /** From now on {@code value} is hidden. */
  public static void remember(String value) {
    boolean number = value.matches("\\d{1,9}");
    if (value.length() >= LEAST_LENGTH && !number && KNOWN.add(value)) {
      addForms(value);
    }
  }

  private static synchronized void addForms(String value) {
    Set<String> all = new HashSet<>(forms);
    all.addAll(SecretForms.of(value));
    all.removeIf(form -> form.length() < LEAST_LENGTH);
    forms =
        all.stream()
            .sorted(Comparator.comparing(String::length).reversed())
            .collect(Collectors.toUnmodifiableList());
  }

  /** {@code text} with every known secret replaced by {@code ***}. */
  public static String hide(String text) {
    String hidden = text.contains("://") ? USER_INFO.matcher(text).replaceAll(HIDDEN + "@") : text;
    for (String form : forms) {
      hidden = hidden.replace(form, HIDDEN);
    }
    return hidden;
  }

  /** As {@link #hide}, with what follows the {@code ?} or {@code #} of URIs replaced, too. */
  public static String hideQueries(String text) {
    String hidden = hide(text);
    return hidden.contains("://") ? QUERY.matcher(hidden).replaceAll("$1?" + HIDDEN) : hidden;
  }
}
