package io.retune.report;

import static io.retune.report.Html.style;
import static io.retune.report.Html.tag;
import static io.retune.report.Html.text;

import java.util.ArrayList;
import java.util.List;

/** Names with what they stand for, beneath each other. */
final class Facts {
  private final List<Html> entries = new ArrayList<>();

  Facts add(String name, String value) {
    return add(name, text(value.isEmpty() ? "none" : value));
  }

  Facts add(String name, Html value) {
    entries.add(tag("div", tag("dt", name), tag("dd", value)));
    return this;
  }

  /** On a line of its own. */
  Facts wide(String name, Html value) {
    entries.add(tag("div", style("long"), tag("dt", name), tag("dd", value)));
    return this;
  }

  Facts digest(String name, String value) {
    return value.isEmpty() ? add(name, value) : wide(name, tag("code", value));
  }

  Html html() {
    return tag("dl", style("facts"), Html.of(entries));
  }
}
