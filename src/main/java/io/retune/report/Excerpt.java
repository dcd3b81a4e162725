package io.retune.report;

/** The beginning of a text that may be of any length. */
final class Excerpt {
  private Excerpt() {}

  /**
   * The text, or its beginning and how much was left out.
   *
   * @param most characters, about
   */
  static String of(String text, int most) {
    if (text.length() <= most) {
      return text;
    }
    int end = Character.isHighSurrogate(text.charAt(most - 1)) ? most - 1 : most;
    return "%s … %s left out"
        .formatted(text.substring(0, end), Figures.count(text.length() - end, "character"));
  }
}
