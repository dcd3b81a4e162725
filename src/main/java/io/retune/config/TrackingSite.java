package io.retune.config;

import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;

/**
 * The MLflow server that runs are published to, and how it is reached. Part of the site: nothing
 * here can change a weight. Holds no secret, only where secrets are found.
 *
 * @param uri of the server, http or https, with the path it is served under if it has one
 * @param experiment that runs belong to; empty: one of the recipe's own name
 * @param registeredModel that a finished run makes a version of; empty: none
 * @param alias that is moved to the new version; empty: none is moved
 * @param credentials empty: the server asks for none
 * @param caCertificate PEM file of the only authorities that are trusted; empty: those that Java
 *     trusts
 * @param proxy {@code http://host:port}; empty: what Java itself was told ({@code
 *     -Dhttps.proxyHost}, {@code -Dhttp.nonProxyHosts}, ...)
 * @param connectTimeout until a connection stands
 * @param requestTimeout until a request is answered; of an upload, as long as no byte moves
 * @param patience how long one and the same request is repeated before publishing is given up for
 *     the time being
 */
public record TrackingSite(
    URI uri,
    Optional<String> experiment,
    Optional<String> registeredModel,
    Optional<String> alias,
    Optional<Credentials> credentials,
    Optional<Path> caCertificate,
    Optional<URI> proxy,
    Duration connectTimeout,
    Duration requestTimeout,
    Duration patience) {
  public static final Duration DEFAULT_CONNECT_TIMEOUT = Duration.ofSeconds(10);
  public static final Duration DEFAULT_REQUEST_TIMEOUT = Duration.ofSeconds(60);
  public static final Duration DEFAULT_PATIENCE = Duration.ofMinutes(5);

  static final ServerAddress SERVER = new ServerAddress("http", "https");
  static final ServerAddress PROXY = new ServerAddress("http");

  /** Where to find who we are. Read again for each request, so that a secret may be replaced. */
  public sealed interface Credentials {}

  /** Names of the environment variables with user and password (HTTP basic authentication). */
  public record UserVariables(String user, String password) implements Credentials {}

  /** Name of the environment variable with a bearer token. */
  public record TokenVariable(String token) implements Credentials {}

  /**
   * A file as MLflow's own {@code ~/.mlflow/credentials}: lines {@code mlflow_tracking_username =
   * ...} and {@code mlflow_tracking_password = ...}, or {@code mlflow_tracking_token = ...}.
   */
  public record CredentialsFile(Path file) implements Credentials {}

  /**
   * @throws InvalidInputException if an address cannot be used; it is not quoted
   */
  public TrackingSite {
    SERVER.require("tracking.mlflow.uri", uri);
    proxy.ifPresent(address -> PROXY.require("tracking.mlflow.proxy", address));
    if (alias.isPresent() && registeredModel.isEmpty()) {
      throw InvalidInputException.of(
          ErrorCode.MISSING_KEY,
          "tracking.mlflow.alias",
          "\"" + alias.get() + "\" has no registered model.",
          "Name the registered model whose versions it points to, or leave the alias out.");
    }
    requirePositive("tracking.mlflow.connect-timeout", connectTimeout);
    requirePositive("tracking.mlflow.request-timeout", requestTimeout);
    requirePositive("tracking.mlflow.patience", patience);
  }

  private static void requirePositive(String place, Duration duration) {
    if (duration.isNegative() || duration.isZero()) {
      throw InvalidInputException.of(
          ErrorCode.OUT_OF_RANGE,
          place,
          duration + " is no time to wait.",
          "Expected a positive duration such as 10s.");
    }
  }
}
