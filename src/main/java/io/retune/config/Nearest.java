package io.retune.config;

import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/** The known word that was probably meant. */
public final class Nearest {
  private static final int MOST = 3;

  private Nearest() {}

  /** The nearest of {@code known}, if near enough to be worth saying. */
  public static Optional<String> to(String word, Collection<String> known) {
    return known.stream()
        .filter(k -> distance(word, k) <= tolerance(word, k) || oneBeginsTheOther(word, k))
        .min(Comparator.<String>comparingInt(k -> distance(word, k)).thenComparing(k -> k));
  }

  /** Some of {@code known}, the nearest first: those near enough, and those that share a word. */
  public static List<String> some(String word, Collection<String> known) {
    return known.stream()
        .filter(
            k ->
                distance(word, k) <= tolerance(word, k)
                    || oneBeginsTheOther(word, k)
                    || sharesAWord(word, k))
        .sorted(Comparator.<String>comparingInt(k -> distance(word, k)).thenComparing(k -> k))
        .limit(MOST)
        .toList();
  }

  private static boolean sharesAWord(String a, String b) {
    List<String> words = List.of(b.split("-"));
    return Arrays.stream(a.split("-")).anyMatch(w -> w.length() >= 3 && words.contains(w));
  }

  private static int tolerance(String a, String b) {
    return Math.max(1, Math.min(a.length(), b.length()) / 3);
  }

  private static boolean oneBeginsTheOther(String a, String b) {
    return Math.min(a.length(), b.length()) >= 3 && (a.startsWith(b) || b.startsWith(a));
  }

  /** Damerau-Levenshtein with adjacent swaps; case, {@code _} and {@code -} do not count. */
  static int distance(String left, String right) {
    String a = plain(left);
    String b = plain(right);
    int[][] d = new int[a.length() + 1][b.length() + 1];
    for (int i = 0; i <= a.length(); i++) {
      for (int j = 0; j <= b.length(); j++) {
        d[i][j] = i == 0 || j == 0 ? i + j : step(d, a, b, i, j);
      }
    }
    return d[a.length()][b.length()];
  }

  private static int step(int[][] d, String a, String b, int i, int j) {
    int same = a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1;
    int least = Math.min(Math.min(d[i - 1][j], d[i][j - 1]) + 1, d[i - 1][j - 1] + same);
    boolean swapped =
        i > 1 && j > 1 && a.charAt(i - 1) == b.charAt(j - 2) && a.charAt(i - 2) == b.charAt(j - 1);
    return swapped ? Math.min(least, d[i - 2][j - 2] + 1) : least;
  }

  private static String plain(String key) {
    return key.toLowerCase(java.util.Locale.ROOT).replace("_", "").replace("-", "");
  }
}
