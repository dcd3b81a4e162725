package io.retune.tracking;

import java.util.List;
import java.util.Locale;
import java.util.Optional;

/**
 * What an MLflow server has not acknowledged of a run.
 *
 * @param run our name of the run
 * @param points of metrics
 * @param items kind and name of each other thing
 * @param reason why not, where the server or the way to it gave one, with what to do about it
 */
public record Missing(String run, long points, List<String> items, Optional<String> reason) {
  private static final int ITEMS_NAMED = 5;

  public Missing {
    items = List.copyOf(items);
  }

  /** The same, with the reason. */
  Missing because(Optional<String> reason) {
    return new Missing(run, points, items, reason);
  }

  /** For people: {@code 312 metric points, artifact report.html, status}, and the reason. */
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
    reason.ifPresent(why -> text.append(" (").append(why).append(')'));
    return text.toString();
  }
}
