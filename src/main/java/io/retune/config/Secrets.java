package io.retune.config;

import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Pattern;

/**
 * Keeps secrets out of what is written for others: messages, journals, pages. Known are the values
 * of this process's environment whose names say what they are, and those that were {@link
 * #remember}ed when they were read; what stands before the {@code @} of a URI's authority is hidden
 * wherever it is.
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

  private static final Set<String> KNOWN = ConcurrentHashMap.newKeySet();

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
    if (value.length() >= LEAST_LENGTH && !number) {
      KNOWN.add(value);
    }
  }

  /** {@code text} with every known secret replaced by {@code ***}. */
  public static String hide(String text) {
    String hidden = text.contains("://") ? USER_INFO.matcher(text).replaceAll(HIDDEN + "@") : text;
    for (String secret : longestFirst()) {
      hidden = hidden.replace(secret, HIDDEN);
    }
    return hidden;
  }

  /** One may be the start of another. */
  private static List<String> longestFirst() {
    return KNOWN.stream().sorted(Comparator.comparing(String::length).reversed()).toList();
  }
}
