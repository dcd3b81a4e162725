package io.retune.config;

import java.nio.file.Path;
import java.util.Optional;

/** This machine as most tests want it: two local cores, no server, no executor but this process. */
public final class SiteForTests {
  private SiteForTests() {}

  /** With store and cache in {@code folder}. */
  public static Site in(Path folder) {
    return of(folder.resolve("store").toString(), folder.resolve("cache").toString());
  }

  public static Site of(String store, String cache) {
    return of(store, cache, HubSite.DEFAULT, false);
  }

  public static Site of(String store, String cache, HubSite hub, boolean offline) {
    return new Site(
        store,
        cache,
        Optional.of("local[2]"),
        Optional.empty(),
        Optional.empty(),
        1024,
        Optional.empty(),
        Optional.empty(),
        hub,
        false,
        offline);
  }
}
