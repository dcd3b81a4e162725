package io.retune.tracking;

import java.util.List;
import java.util.Locale;

/**
 * What an MLflow server has not acknowledged of a run.
 *
 * @param run our name of the run
 * @param points of metrics
 * @param items kind and name of each other thing
 */
public record Missing(String run, long points, List<String> items) {
  private static final int ITEMS_NAMED = 5;

  public Missing {
    items = List.copyOf(items);
  }

  /** For people: {@code 312 metric points, artifact report.html, end}. */
  @Override
  public String toString() {
    StringBuilder text = new StringBuilder();
    if (points > 0) {
      text.append(String.format(Locale.ROOT, "%,d metric points", points));
    }
    for (String item : items.subList(0, Math.min(ITEMS_NAMED, items.size()))) {
      text.append(text.isEmpty() ? "" : ", ").append(item);
    }
    if (items.size() > ITEMS_NAMED) {
      text.append(" and ").append(items.size() - ITEMS_NAMED).append(" more");
    }
    return text.toString();
  }
}
