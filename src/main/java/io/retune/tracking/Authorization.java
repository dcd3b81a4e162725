package io.retune.tracking;

import io.retune.config.ErrorCode;
import io.retune.config.InvalidInputException;
import io.retune.config.Secrets;
import io.retune.config.TrackingSite.Credentials;
import io.retune.config.TrackingSite.CredentialsFile;
import io.retune.config.TrackingSite.TokenVariable;
import io.retune.config.TrackingSite.UserVariables;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Who we are, read anew for each request, hidden from then on, and taken out of whatever is said.
 */
final class Authorization {
  private static final String USER = "mlflow_tracking_username";
  private static final String PASSWORD = "mlflow_tracking_password";
  private static final String TOKEN = "mlflow_tracking_token";

  private final Optional<Credentials> credentials;
  private final Map<String, String> environment;

  /**
   * @throws InvalidInputException if what {@code credentials} names is not there
   */
  Authorization(Optional<Credentials> credentials, Map<String, String> environment) {
    this.credentials = credentials;
    this.environment = environment;
    header();
  }

  private record SignIn(Optional<String> user, Optional<String> password, Optional<String> token) {
    String header() {
      return token.map(t -> "Bearer " + t).orElseGet(() -> "Basic " + basic());
    }

    /** RFC 7617, in UTF-8. */
    private String basic() {
      String pair = user.orElse("") + ":" + password.orElse("");
      return Base64.getEncoder().encodeToString(pair.getBytes(StandardCharsets.UTF_8));
    }

    /** From now on nothing that is printed or written down holds one. */
    SignIn remembered() {
      hidden().forEach(Secrets::remember);
      return this;
    }

    List<String> hidden() {
      List<String> hidden = new ArrayList<>();
      token.ifPresent(hidden::add);
      password.ifPresent(
          word -> {
            hidden.add(word);
            hidden.add(basic());
          });
      hidden.removeIf(String::isEmpty);
      hidden.sort(Comparator.comparing(String::length).reversed());
      return hidden;
    }
  }

  /** Value of the header Authorization; empty if none is to be sent. */
  Optional<String> header() {
    return credentials.map(this::read).map(SignIn::header);
  }

  /** {@code text} without the secrets that it may hold. */
  String redacted(String text) {
    String redacted = text;
    for (String secret : credentials.map(this::read).map(SignIn::hidden).orElse(List.of())) {
      // Also one that is too short to be looked for in every text.
      redacted = redacted.replace(secret, "***");
    }
    return Secrets.hide(redacted);
  }

  /** What to look at when the server does not accept them. */
  String remedy() {
    if (credentials.isEmpty()) {
      return "Name environment variables or a file with credentials in the site (tracking.mlflow.credentials)";
    }
    Credentials named = credentials.get();
    if (named instanceof UserVariables variables) {
      return "Check the user in the environment variable %s and the password in %s"
          .formatted(variables.user(), variables.password());
    } else if (named instanceof TokenVariable variable) {
      return "Check the token in the environment variable " + variable.token();
    } else if (named instanceof CredentialsFile file) {
      return "Check the credentials in the file " + file.file();
    }
    throw new IllegalStateException("Unknown credentials: " + named.getClass());
  }

  private SignIn read(Credentials named) {
    return readFrom(named).remembered();
  }

  private SignIn readFrom(Credentials named) {
    if (named instanceof UserVariables variables) {
      return new SignIn(
          Optional.of(variable(variables.user())),
          Optional.of(variable(variables.password())),
          Optional.empty());
    } else if (named instanceof TokenVariable variable) {
      return new SignIn(
          Optional.empty(), Optional.empty(), Optional.of(sendable(variable(variable.token()))));
    } else if (named instanceof CredentialsFile file) {
      return read(file.file());
    }
    throw new IllegalStateException("Unknown credentials: " + named.getClass());
  }

  private String variable(String name) {
    String value = environment.getOrDefault(name, "");
    if (value.isEmpty()) {
      throw InvalidInputException.of(
          ErrorCode.BAD_CREDENTIALS,
          "tracking.mlflow.credentials",
          "the environment variable " + name + " is not set.",
          "Set it for the driver, or leave the credentials out if the server asks for none.");
    }
    return value;
  }

  private static SignIn read(Path file) {
    Map<String, String> values = new HashMap<>();
    try {
      for (String line : Files.readAllLines(file, StandardCharsets.UTF_8)) {
        String[] parts = line.split("=", 2);
        if (parts.length == 2) {
          values.put(parts[0].strip(), parts[1].strip());
        }
      }
    } catch (IOException e) {
      throw InvalidInputException.notReadable(
          ErrorCode.BAD_CREDENTIALS,
          file.toString(),
          e,
          "Make it readable for us, or name another.");
    }
    Optional<String> token = Optional.ofNullable(values.get(TOKEN)).map(Authorization::sendable);
    if (token.isEmpty() && !(values.containsKey(USER) && values.containsKey(PASSWORD))) {
      throw InvalidInputException.of(
          ErrorCode.BAD_CREDENTIALS,
          file.toString(),
          "holds no credentials.",
          "Expected lines %s = ... and %s = ..., or %s = ...".formatted(USER, PASSWORD, TOKEN));
    }
    return new SignIn(
        Optional.ofNullable(values.get(USER)), Optional.ofNullable(values.get(PASSWORD)), token);
  }

  /** Java quotes a header that it refuses, so it must not come to that. */
  private static String sendable(String token) {
    Secrets.remember(token);
    String stripped = token.strip();
    if (!stripped.matches("[\\x21-\\x7e]+")) {
      throw InvalidInputException.of(
          ErrorCode.BAD_CREDENTIALS,
          "tracking.mlflow.credentials",
          "has a token with characters that no header can carry.",
          "Expected one line of letters, digits and signs.");
    }
    return stripped;
  }
}
