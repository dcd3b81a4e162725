package io.retune.config;

import java.net.URI;

/**
 * The Hugging Face hub that sources with {@code hf://} come from, or a mirror of it. Holds no
 * secret, only where one is found; reached by nothing but such a source.
 *
 * @param endpoint http or https, with the path it is served under if it has one
 * @param tokenVariable name of the environment variable with a bearer token; where it is not set,
 *     nobody signs in
 */
public record HubSite(URI endpoint, String tokenVariable) {
  static final ServerAddress SERVER = new ServerAddress("https", "http");

  public static final HubSite DEFAULT =
      new HubSite(URI.create("https://huggingface.co"), "HF_TOKEN");

  /**
   * @throws InvalidInputException if the address cannot be used; it is not quoted
   */
  public HubSite {
    SERVER.require("hub.endpoint", endpoint);
  }
}
