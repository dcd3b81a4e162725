package io.retune.config;

import java.net.URI;
import java.nio.file.Path;
import java.util.Optional;

/**
 * The Hugging Face hub that sources with {@code hf://} come from, or a mirror of it. Holds no
 * secret, only where one is found; reached by nothing but such a source.
 *
 * @param endpoint http or https, with the path it is served under if it has one
 * @param tokenVariable name of the environment variable with a bearer token; where it is not set,
 *     nobody signs in
 * @param tokenFile with the token alone, which is read in the place of the variable
 */
public record HubSite(URI endpoint, String tokenVariable, Optional<Path> tokenFile) {
  static final ServerAddress SERVER = new ServerAddress("https", "http");

  public static final HubSite DEFAULT =
      new HubSite(URI.create("https://huggingface.co"), "HF_TOKEN", Optional.empty());

  /**
   * @throws InvalidInputException if the address cannot be used; it is not quoted
   */
  public HubSite {
    SERVER.require("hub.endpoint", endpoint);
  }
}
