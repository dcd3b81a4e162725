package io.retune.config;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.net.URLEncoder;
import java.util.Base64;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Pattern;

/** What a text looks like inside other texts. */
final class SecretForms {
  /** A percent sign and two hexadecimal digits, or JSON's escape of a character. */
  private static final Pattern HEXADECIMAL = Pattern.compile("%[0-9A-Fa-f]{2}|\\\\u[0-9A-Fa-f]{4}");

  /** Head and foot of a PEM file, which say nothing. */
  private static final String PEM_FRAME = "-----";

  private SecretForms() {}

  /** As it is, in JSON and in JSON within JSON, in a URI, in Base64, and in one line. */
  static Set<String> of(String text) {
    Set<String> forms = new HashSet<>();
    for (String whole : new HashSet<>(List.of(text, text.strip()))) {
      forms.add(whole);
      addJson(forms, whole);
      addUri(forms, whole);
      addBase64(forms, whole);
      forms.add(whole.replaceAll("\\s+", " "));
      whole
          .lines()
          .map(String::strip)
          .filter(line -> !line.startsWith(PEM_FRAME))
          .forEach(forms::add);
    }
    return forms;
  }

  private static void addJson(Set<String> forms, String text) {
    for (String once : new HashSet<>(List.of(json(text), ascii(json(text))))) {
      addBothCases(forms, once);
      addBothCases(forms, json(once));
    }
  }

  private static String json(String text) {
    String quoted = CanonicalJson.write(text);
    return quoted.substring(1, quoted.length() - 1);
  }

  /** As Python writes JSON. */
  private static String ascii(String json) {
    StringBuilder ascii = new StringBuilder();
    for (int i = 0; i < json.length(); i++) {
      char c = json.charAt(i);
      ascii.append(c < 0x7f ? String.valueOf(c) : String.format(Locale.ROOT, "\\u%04x", (int) c));
    }
    return ascii.toString();
  }

  private static void addUri(Set<String> forms, String text) {
    String form = URLEncoder.encode(text, UTF_8);
    addBothCases(forms, form);
    addBothCases(forms, form.replace("+", "%20"));
  }

  /** Hexadecimal digits come in large and in small letters. */
  private static void addBothCases(Set<String> forms, String text) {
    forms.add(text);
    forms.add(
        HEXADECIMAL.matcher(text).replaceAll(m -> escaped(m.group().toLowerCase(Locale.ROOT))));
    forms.add(
        HEXADECIMAL
            .matcher(text)
            .replaceAll(
                m ->
                    escaped(
                        m.group().charAt(0) == '%'
                            ? m.group().toUpperCase(Locale.ROOT)
                            : "\\u" + m.group().substring(2).toUpperCase(Locale.ROOT))));
  }

  private static String escaped(String replacement) {
    return java.util.regex.Matcher.quoteReplacement(replacement);
  }

  private static void addBase64(Set<String> forms, String text) {
    forms.add(Base64.getEncoder().withoutPadding().encodeToString(text.getBytes(UTF_8)));
    forms.add(Base64.getUrlEncoder().withoutPadding().encodeToString(text.getBytes(UTF_8)));
  }
}
