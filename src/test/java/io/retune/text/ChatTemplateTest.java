package io.retune.text;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import io.retune.config.InvalidInputException;
import io.retune.store.Json;
import java.io.IOException;
import java.io.InputStream;
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
    Map<String, Object> variables =
        (Map<String, Object>) TemplateValues.of(golden().path("variables"));
    return ChatTemplate.parse("model", template).render(variables);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '§',
      quoteCharacter = '^',
      textBlock =
          """
          {% raw %}{% endraw %} § 1 § {% raw %}
          {% include 'x' %} § 1 § {% include %}
          {% call f() %}{% endcall %} § 1 § {% call %}
          {% filter upper %}a{% endfilter %} § 1 § {% filter %}
          {% break %} § 1 § {% break %} outside a loop
          {% macro f() %}{% continue %}{% endmacro %} § 1 § {% continue %} outside a loop
          {% macro f(a=1, b) %}{% endmacro %} § 1 § a parameter without default behind one with
          {% macro f(1) %}{% endmacro %} § 1 § "1" where a name is needed
          {% macro f() %}{% endif %} § 1 § {% endif %} inside a macro
          {% macro f() %}{{ f() }}{% endmacro %}{{ f() }} § 1 § a macro in more than 100 others
          {% macro f(a) %}{% endmacro %}{{ f(1, 2) }} § 1 § 2 arguments of f
          {% for a, b in words %}{% endfor %} § 1 § a loop over other than 2 values each
          {{ words | sort }} § 1 § the filter sort
          {{ words | tojson(ensure_ascii=true) }} § 1 § tojson with ensure_ascii
          {{ words | tojson(depth=2) }} § 1 § 0 positional and 1 named argument of tojson
          {{ words[::0] }} § 1 § a slice by steps of 0
          {{ map.items }} § 1 § the method items without a call
          {{ n is prime }} § 1 § the test prime
          {{ range(1000000) }} § 1 § a range of 0 steps, or of more than 100,000
          {{ raise_exception }} § 1 § a function as text
          {{ 1.5 // 1 }} § 1 § the operator // of floats
          {{ words | tojson § 1 § a {{ without }}
          {{ {'a' 1} }} § 1 § no ":" where one is needed
          {% for w in words recursive %}{% endfor %} § 1 § "recursive" where the expression ends
          {% set a, b = 1, 2 %} § 1 § {% set a, b = 1, 2 %}
          {{ f(1) }} § 1 § a call of f
          {{ 1 / 2 }} § 1 § "/ 2"
          {{ 1 < 2 < 3 }} § 1 § "<" where the expression ends
          {{ words | }} § 1 § an expression that breaks off
          {{ 'a }} § 1 § a {{ without }}
          {% if n %} § 1 § {% if %} that is never closed
          {% for w in words %} § 1 § {% for %} that is never closed
          {% endif %} § 1 § "endif" closes nothing
          {% if n %}{% endfor %} § 1 § {% endfor %} inside an if
          {# § 1 § a {# without #}
          {{ 'a'.zfill(3) }} § 1 § the method zfill
          {{ 'a' + 1 }} § 1 § a + 1
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
                  + ", which is not supported. [template-not-supported]\n  Give the model a simpler chat_template.");
    }
  }

  @Test
  void aTemplateMayRefuseAChatInItsOwnWords() {
    assertThatThrownBy(
            () -> render("{% if n == 3 %}{{ raise_exception('Roles must alternate') }}{% endif %}"))
        .isInstanceOf(InvalidInputException.class)
        .hasMessage(
            "chat: the model's template refuses it: Roles must alternate. [template-refuses]\n"
                + "  Change the roles or their order.");
  }

  @Test
  void aTemplateThatMakesTooMuchTextIsStopped() {
    String loops = "{% for a in words %}".repeat(9) + "x".repeat(2000) + "{% endfor %}".repeat(9);
    assertThatThrownBy(() -> render(loops))
        .isInstanceOf(InvalidInputException.class)
        .hasMessage(
            "chat template: makes more than 16 MiB of text. [template-refuses]\n  Shorten the chat.");
    assertThatThrownBy(() -> render("{% for a in words %}".repeat(40) + "{% endfor %}".repeat(40)))
        .isInstanceOf(InvalidInputException.class)
        .hasMessage(
            "chat template: loops more than 1,000,000 times. [template-refuses]\n  Shorten the chat.");
    assertThatThrownBy(() -> render("{% set x = 'x' %}" + "{% set x = x + x %}".repeat(40)))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContaining("a text of more than 16 MiB");
    assertThatThrownBy(() -> render("{{ " + "(".repeat(100_000) + " }}"))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContaining("an expression in more than 100 others");
  }
}
