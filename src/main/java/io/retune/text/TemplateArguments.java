package io.retune.text;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What a filter, test, method or function is called with, as Python binds it. */
record TemplateArguments(List<Object> positional, Map<String, Object> named) {
  static final TemplateArguments NONE = new TemplateArguments(List.of(), Map.of());

  /** By position. */
  static TemplateArguments of(Object... positional) {
    return new TemplateArguments(List.of(positional), Map.of());
  }

  /** Without the first, which a caller has taken for itself. */
  TemplateArguments rest() {
    return new TemplateArguments(positional.subList(1, positional.size()), named);
  }

  /**
   * Each in the place of its parameter; {@link Optional#empty} where none is given.
   *
   * @param what is called, for messages
   * @param required of the parameters, the first so many
   * @throws IllegalArgumentException if there are more, fewer or others
   */
  List<Optional<Object>> bound(String what, int required, String... parameters) {
    if (positional.size() > parameters.length) {
      throw new IllegalArgumentException(positional.size() + " arguments of " + what);
    }
    List<Optional<Object>> bound = new ArrayList<>();
    int used = positional.size();
    for (int i = 0; i < parameters.length; i++) {
      boolean byName = i >= positional.size() && named.containsKey(parameters[i]);
      used += byName ? 1 : 0;
      bound.add(
          i < positional.size()
              ? Optional.of(positional.get(i))
              : Optional.ofNullable(named.get(parameters[i])));
    }
    boolean missing = bound.stream().limit(required).anyMatch(Optional::isEmpty);
    if (missing || used != positional.size() + named.size()) {
      throw new IllegalArgumentException(
          named.isEmpty()
              ? positional.size() + " arguments of " + what
              : "%d positional and %d named argument%s of %s"
                  .formatted(positional.size(), named.size(), named.size() == 1 ? "" : "s", what));
    }
    return bound;
  }
}
