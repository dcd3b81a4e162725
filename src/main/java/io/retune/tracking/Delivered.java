package io.retune.tracking;

import io.retune.store.Sha256;
import io.retune.tracking.TrackedRun.Metric;
import io.retune.tracking.TrackedRun.Parcel;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What a server has acknowledged of a run, so that only the rest is sent. A value. */
public final class Delivered {
  /** Nothing, yet. */
  public static final Delivered NONE = new Delivered(Optional.empty(), Map.of(), 0);

  private record Item(Delivery.Kind kind, String item) {}

  private final Optional<Delivery> last;
  private final Map<Item, Sha256> contents;
  private final long through;

  private Delivered(Optional<Delivery> last, Map<Item, Sha256> contents, long through) {
    this.last = last;
    this.contents = contents;
    this.through = through;
  }

  /** What {@code deliveries}, in the order in which they were acknowledged, come to. */
  public static Delivered of(Collection<Delivery> deliveries) {
    Delivered delivered = NONE;
    for (Delivery delivery : deliveries) {
      delivered = delivered.and(delivery);
    }
    return delivered;
  }

  /** With one more; a delivery to another server or to another MLflow run makes a fresh start. */
  public Delivered and(Delivery delivery) {
    if (last.isPresent() && !sameAddressee(last.get(), delivery)) {
      return NONE.and(delivery);
    }
    Map<Item, Sha256> all = new HashMap<>(contents);
    all.put(new Item(delivery.kind(), delivery.item()), delivery.sha256());
    return new Delivered(Optional.of(delivery), all, Math.max(through, delivery.through()));
  }

  private static boolean sameAddressee(Delivery one, Delivery other) {
    return one.run().equals(other.run())
        && one.server().equals(other.server())
        && one.mlflowRun().equals(other.mlflowRun());
  }

  /** This, if it is about that run on that server; otherwise {@link #NONE}. */
  Delivered on(String server, String run) {
    return last.filter(d -> d.server().equals(server) && d.run().equals(run)).isPresent()
        ? this
        : NONE;
  }

  /** MLflow's id of the run that has it. */
  Optional<String> mlflowRun() {
    return last.map(Delivery::mlflowRun);
  }

  boolean has(Parcel parcel) {
    return parcel.sha256().equals(contents.get(new Item(parcel.kind(), parcel.item())));
  }

  /** The points that are not yet known to be there. */
  List<Metric> missingMetrics(TrackedRun run) {
    return run.metrics().behind(through);
  }

  /** What of {@code run} has not been acknowledged; empty: the page is complete. */
  public Optional<Missing> missing(TrackedRun run) {
    List<String> parcels =
        run.parcels().stream()
            .filter(parcel -> !has(parcel))
            .map(parcel -> (parcel.kind().text() + " " + parcel.item()).strip())
            .toList();
    long points = missingMetrics(run).size();
    return parcels.isEmpty() && points == 0
        ? Optional.empty()
        : Optional.of(new Missing(run.run(), points, parcels, Optional.empty()));
  }
}
