package io.retune.tracking;

import io.retune.config.TrackingSite;
import io.retune.config.TrackingSite.Credentials;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

/** Sites of servers on this machine, which are given up soon. */
public final class Sites {
  private static final Duration CONNECT = Duration.ofSeconds(5);

  private Sites() {}

  /** No credentials, no proxy. */
  public static TrackingSite at(URI uri, Duration request, Duration patience) {
    return site(uri, Optional.empty(), Optional.empty(), Optional.empty(), request, patience);
  }

  /** The same with credentials. */
  public static TrackingSite with(TrackingSite site, Credentials credentials) {
    return site(
        site.uri(),
        Optional.of(credentials),
        site.caCertificate(),
        site.proxy(),
        site.requestTimeout(),
        site.patience());
  }

  /** The same with an authority of its own. */
  public static TrackingSite trusting(TrackingSite site, Path caCertificate) {
    return site(
        site.uri(),
        site.credentials(),
        Optional.of(caCertificate),
        site.proxy(),
        site.requestTimeout(),
        site.patience());
  }

  /** The same behind a proxy. */
  public static TrackingSite behind(TrackingSite site, URI proxy) {
    return site(
        site.uri(),
        site.credentials(),
        site.caCertificate(),
        Optional.of(proxy),
        site.requestTimeout(),
        site.patience());
  }

  private static TrackingSite site(
      URI uri,
      Optional<Credentials> credentials,
      Optional<Path> caCertificate,
      Optional<URI> proxy,
      Duration request,
      Duration patience) {
    return new TrackingSite(
        uri,
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        credentials,
        caCertificate,
        proxy,
        CONNECT,
        request,
        patience);
  }
}
