package io.retune.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import io.retune.config.InvalidInputException;
import io.retune.store.Json;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

class ChatTemplateTest {
  /** What Jinja 3.1.6 makes of each template with the settings transformers gives it. */
  static Stream<Arguments> jinja() throws IOException {
    JsonNode golden = golden();
    return StreamSupport.stream(golden.path("cases").spliterator(), false)
        .map(
            c ->
                Arguments.of(
                    c.path("name").asText(),
                    c.path("template").asText(),
                    c.path("expected").asText()));
  }

  private static JsonNode golden() throws IOException {
    try (InputStream in = ChatTemplateTest.class.getResourceAsStream("jinja.json")) {
      return Json.read(in.readAllBytes());
    }
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("jinja")
  void theTextIsJinjas(String name, String template, String expected) throws IOException {
    assertThat(render(template)).as(name).isEqualTo(expected);
  }

  @SuppressWarnings("unchecked") // an object becomes a map
  private static String render(String template) throws IOException {
    Map<String, Object> variables = (Map<String, Object>) value(golden().path("variables"));
    return ChatTemplate.parse("model", template).render(variables);
  }

  /** As a chat's values come: numbers are Long or Double, null is NONE. */
  private static Object value(JsonNode node) {
    if (node.isObject()) {
      Map<String, Object> map = new LinkedHashMap<>();
      node.fields().forEachRemaining(f -> map.put(f.getKey(), value(f.getValue())));
      return map;
    } else if (node.isArray()) {
      List<Object> list = new ArrayList<>();
      node.forEach(n -> list.add(value(n)));
      return list;
    } else if (node.isNull()) {
      return TemplateValues.NONE;
    } else if (node.isBoolean()) {
      return node.booleanValue();
    }
    return node.isTextual()
        ? node.textValue()
        : node.isIntegralNumber() ? (Object) node.longValue() : (Object) node.doubleValue();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '§',
      quoteCharacter = '^',
      textBlock =
          """
          {% macro f() %}{% endmacro %} § 1 § {% macro %}
          {% raw %}{% endraw %} § 1 § {% raw %}
          {% include 'x' %} § 1 § {% include %}
          {% generation %}x{% endgeneration %} § 1 § {% generation %}
          {% for w in words %}{% break %}{% endfor %} § 1 § {% break %}
          {% for a, b in map.items() %}{% endfor %} § 1 § {% for a, b in map.items() %}
          {% for w in words recursive %}{% endfor %} § 1 § "recursive" where the expression ends
          {% for w in words %}{% else %}{% endfor %} § 1 § {% else %}
          {% set x %}a{% endset %} § 1 § {% set x %}
          {% set a, b = 1, 2 %} § 1 § {% set a, b = 1, 2 %}
          {{ f(1) }} § 1 § a call of f
          {{ strftime_now('%d') }} § 1 § a call of strftime_now
          {{ 1 / 2 }} § 1 § "/ 2"
          {{ words[::-1] }} § 1 § ":"
          {{ 1 < 2 < 3 }} § 1 § "<" where the expression ends
          {{ words | tojson(indent=2) }} § 1 § no "," where one is needed
          {{ n is divisibleby(3) }} § 1 § "(" where the expression ends
          {{ {'a': 1} }} § 1 § "{"
          {{ words | }} § 1 § an expression that breaks off
          {{ 'a }} § 1 § a {{ without }}
          {% if n %} § 1 § {% if %} that is never closed
          {% for w in words %} § 1 § {% for %} that is never closed
          {% endif %} § 1 § "endif" closes nothing
          {% if n %}{% endfor %} § 1 § {% endfor %} inside an if
          {# § 1 § a {# without #}
          {{ words | selectattr('a') }} § 1 § the filter selectattr
          {{ 'a'.zfill(3) }} § 1 § the method zfill
          {{ n is odd }} § 1 § the test odd
          {{ 'a' * 3 }} § 1 § arithmetic with a
          {{ 'a' + 1 }} § 1 § a + 1
          {{ words }} § 1 § a list or mapping as text
          {{ 1 % 0 }} § 1 § / by zero
          {% for x in 5 %}{% endfor %} § 1 § a loop over 5
          {{ 'a' | upper(1) }} § 1 § 1 arguments of upper
          {% set missing.x = 1 %} § 1 § a value in missing, which is no namespace
          {{ '\\N{BULLET}' }} § 1 § the escape \\N
          """)
  void whatIsOutsideIsRefusedWithItsLine(String template, int line, String construct) {
    for (String before : List.of("", "{# one #}\ntwo\n\n")) {
      int at = line + (before.isEmpty() ? 0 : 3);
      assertThatThrownBy(() -> render(before + template.replace("\\\\", "\\")))
          .isInstanceOf(InvalidInputException.class)
          .hasMessage(
              "model: line "
                  + at
                  + " of the chat template has "
                  + construct.replace("\\\\", "\\")
                  + ", which is not supported.\n  Give the model a simpler chat_template.");
    }
  }

  @Test
  void aTemplateMayRefuseAChatInItsOwnWords() {
    assertThatThrownBy(
            () -> render("{% if n == 3 %}{{ raise_exception('Roles must alternate') }}{% endif %}"))
        .isInstanceOf(InvalidInputException.class)
        .hasMessage(
            "chat: the model's template refuses it: Roles must alternate\n"
                + "  Change the roles or their order.");
  }

  @Test
  void aTemplateThatMakesTooMuchTextIsStopped() {
    String loops = "{% for a in words %}".repeat(9) + "x".repeat(2000) + "{% endfor %}".repeat(9);
    assertThatThrownBy(() -> render(loops))
        .isInstanceOf(InvalidInputException.class)
        .hasMessage("chat template: makes more than 16 MiB of text.\n  Shorten the chat.");
    assertThatThrownBy(() -> render("{% for a in words %}".repeat(40) + "{% endfor %}".repeat(40)))
        .isInstanceOf(InvalidInputException.class)
        .hasMessage("chat template: loops more than 1,000,000 times.\n  Shorten the chat.");
    assertThatThrownBy(() -> render("{% set x = 'x' %}" + "{% set x = x + x %}".repeat(40)))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContaining("a text of more than 16 MiB");
    assertThatThrownBy(() -> render("{{ " + "(".repeat(100_000) + " }}"))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContaining("an expression in more than 100 others");
  }
}
