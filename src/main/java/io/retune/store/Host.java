package io.retune.store;

import java.net.InetAddress;
import java.net.UnknownHostException;

/** The machine that this process is on. */
public final class Host {
  private Host() {}

  /** As the network calls it. */
  public static String name() {
    try {
      return InetAddress.getLocalHost().getHostName();
    } catch (UnknownHostException e) {
      return "unknown";
    }
  }
}
