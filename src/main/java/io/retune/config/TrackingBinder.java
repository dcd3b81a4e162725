package io.retune.config;

import io.retune.config.TrackingSite.Credentials;
import io.retune.config.TrackingSite.CredentialsFile;
import io.retune.config.TrackingSite.TokenVariable;
import io.retune.config.TrackingSite.UserVariables;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Binds the site's block {@code tracking}. */
final class TrackingBinder {
  private static final Kind<String> TEXT = Kind.text("Expected text.");
  private static final Pattern DURATION = Pattern.compile("(\\d{1,6}) ?(ms|s|m|h)");

  /** Where a password is written in its variable's place, it is not quoted. */
  static final Kind<String> VARIABLE =
      new Kind<>(
          "Expected the name of an environment variable, such as MLFLOW_TRACKING_PASSWORD.",
          "",
          value -> {
            String name = String.valueOf(value.unwrapped());
            if (!name.matches("[A-Z_][A-Z0-9_]*")) {
              Secrets.remember(name);
              throw Kind.Refusal.unquoted(ErrorCode.NOT_A_VARIABLE, "is no variable's name");
            }
            return name;
          });

  private TrackingBinder() {}

  /** Empty where the site names no server. */
  static Optional<TrackingSite> bind(Block root) {
    Block tracking = root.child("tracking");
    Block mlflow = tracking.child("mlflow");
    Optional<TrackingSite> site = server(mlflow);
    tracking.attach("mlflow", mlflow, false);
    root.attach("tracking", tracking, false);
    return site;
  }

  private static Optional<TrackingSite> server(Block mlflow) {
    Optional<URI> uri = mlflow.optional("uri", TrackingSite.SERVER.kind());
    Optional<String> experiment = mlflow.optional("experiment", TEXT);
    Optional<String> model = mlflow.optional("registered-model", TEXT);
    Optional<String> alias = mlflow.optional("alias", TEXT);
    Optional<Credentials> credentials = credentials(mlflow);
    Optional<Path> ca = mlflow.optional("ca-certificate", TEXT).map(Path::of);
    Optional<URI> proxy = mlflow.optional("proxy", TrackingSite.PROXY.kind());
    Duration connect =
        mlflow.withDefault("connect-timeout", duration(), TrackingSite.DEFAULT_CONNECT_TIMEOUT);
    Duration request =
        mlflow.withDefault("request-timeout", duration(), TrackingSite.DEFAULT_REQUEST_TIMEOUT);
    Duration patience = mlflow.withDefault("patience", duration(), TrackingSite.DEFAULT_PATIENCE);
    if (alias.isPresent() && model.isEmpty()) {
      mlflow.problem(
          ErrorCode.MISSING_KEY,
          "alias",
          "points to versions of no model.",
          "Name the registered-model too, or leave the alias out.");
      return Optional.empty();
    }
    return uri.filter(u -> u.getHost() != null)
        .map(
            u ->
                new TrackingSite(
                    u,
                    experiment,
                    model,
                    alias,
                    credentials,
                    ca,
                    proxy,
                    connect,
                    request,
                    patience));
  }

  private static Optional<Credentials> credentials(Block mlflow) {
    Block block = mlflow.child("credentials");
    Optional<String> user = block.optional("user-variable", VARIABLE);
    Optional<String> password = block.optional("password-variable", VARIABLE);
    Optional<String> token = block.optional("token-variable", VARIABLE);
    Optional<String> file = block.optional("file", TEXT);
    mlflow.attach("credentials", block, false);
    if (user.isPresent() != password.isPresent()) {
      block.problem(
          ErrorCode.MISSING_KEY,
          user.isPresent() ? "user-variable" : "password-variable",
          "stands alone.",
          "Give both user-variable and password-variable.");
    }
    long ways = List.of(user, token, file).stream().filter(Optional::isPresent).count();
    if (ways > 1) {
      mlflow.problem(
          ErrorCode.KEYS_CONFLICT,
          "credentials",
          "says more than one way to sign in.",
          "Keep one of: user-variable with password-variable, token-variable, file.");
    }
    if (user.isPresent() && password.isPresent()) {
      return Optional.of(new UserVariables(user.get(), password.get()));
    } else if (token.isPresent()) {
      return Optional.of(new TokenVariable(token.get()));
    }
    return file.map(name -> new CredentialsFile(Path.of(name)));
  }

  private static Kind<Duration> duration() {
    return new Kind<>(
        "Expected a positive duration such as 10s, 5m or 500ms.",
        Duration.ofSeconds(1),
        value -> {
          Matcher matcher = DURATION.matcher(String.valueOf(value.unwrapped()));
          if (!matcher.matches() || Long.parseLong(matcher.group(1)) == 0) {
            throw new Kind.Refusal(ErrorCode.NOT_AN_AMOUNT, "is no duration");
          }
          return Duration.parse(
              matcher.group(2).equals("ms")
                  ? "PT" + Long.parseLong(matcher.group(1)) / 1000.0 + "S"
                  : "PT" + matcher.group(1) + matcher.group(2));
        });
  }
}
