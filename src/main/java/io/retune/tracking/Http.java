package io.retune.tracking;

import com.fasterxml.jackson.databind.JsonNode;
import io.retune.config.ErrorCode;
import io.retune.config.FileReason;
import io.retune.config.InvalidInputException;
import io.retune.config.TrackingSite;
import io.retune.store.Json;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.net.ProxySelector;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateException;
import java.security.cert.CertificateFactory;
import java.time.Duration;
import java.time.Instant;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeParseException;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.regex.Pattern;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/**
 * HTTP to one server, with an end to every wait. What may be repeated is repeated as long as the
 * site's patience lasts; what the server refuses is not. Redirects are not followed: they would
 * take credentials along.
 */
final class Http {
  private static final Set<Integer> TRANSIENT = Set.of(408, 425, 429, 500, 502, 503, 504);
  private static final Set<Integer> SAY_WHEN = Set.of(429, 503);

  /** As SQLAlchemy names it (mlflow/store/db/utils.py makes it a 400), or PostgreSQL. */
  private static final Pattern COLLISION = Pattern.compile("IntegrityError|UniqueViolation");

  private static final int SHOWN_CHARACTERS = 500;

  /**
   * Bytes that a server is expected to put into its own storage in a second, after it has received
   * them and before it answers: a slow disk, a busy object store.
   */
  private static final long STORED_PER_SECOND = 4L << 20;

  private final TrackingSite site;
  private final Authorization authorization;
  private final HttpClient client;

  /**
   * @param repeatable whether sending it twice is the same as sending it once
   */
  record Call(String method, String path, Optional<Upload.Content> body, boolean repeatable) {}

  /** Did not work this time. */
  private static final class TransientException extends Exception {
    private static final long serialVersionUID = 1L;
    private final transient Optional<Duration> wait;

    TransientException(String reason, Optional<Duration> wait) {
      super(reason);
      this.wait = wait;
    }
  }

  /**
   * @throws InvalidInputException if what the site names cannot be used
   */
  Http(TrackingSite site, Map<String, String> environment) {
    this.site = site;
    authorization = new Authorization(site.credentials(), environment);
    HttpClient.Builder builder =
        HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .followRedirects(HttpClient.Redirect.NEVER)
            .connectTimeout(site.connectTimeout());
    site.caCertificate().ifPresent(file -> builder.sslContext(trusting(file)));
    site.proxy().ifPresent(proxy -> builder.proxy(ProxySelector.of(address(proxy))));
    client = builder.build();
  }

  private static InetSocketAddress address(URI proxy) {
    return InetSocketAddress.createUnresolved(
        proxy.getHost(), proxy.getPort() < 0 ? 80 : proxy.getPort());
  }

  private static SSLContext trusting(Path file) {
    try (InputStream in = Files.newInputStream(file)) {
      KeyStore trusted = KeyStore.getInstance(KeyStore.getDefaultType());
      trusted.load(null, null);
      for (Certificate certificate :
          CertificateFactory.getInstance("X.509").generateCertificates(in)) {
        trusted.setCertificateEntry("authority-" + trusted.size(), certificate);
      }
      if (trusted.size() == 0) {
        throw new CertificateException("none found");
      }
      TrustManagerFactory factory =
          TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
      factory.init(trusted);
      SSLContext context = SSLContext.getInstance("TLS");
      context.init(null, factory.getTrustManagers(), null);
      return context;
    } catch (IOException | GeneralSecurityException e) {
      throw InvalidInputException.of(
          ErrorCode.TRACKING_CERTIFICATE,
          file.toString(),
          "holds no certificates of an authority that could be read: "
              + (e instanceof IOException io ? FileReason.of(io) : e.getMessage())
              + ".",
          "Expected a PEM file, -----BEGIN CERTIFICATE----- and so on.");
    }
  }

  /** The server's address, without credentials. */
  String server() {
    return site.uri().toString().replaceAll("/+$", "");
  }

  /** How long to go on with something that fails. */
  Patience patience() {
    return new Patience(site.patience());
  }

  /**
   * The body of the server's answer.
   *
   * @throws MlflowUnreachableException if there is none, at once for what is not repeatable
   * @throws MlflowRefusedException if the server does not want to
   */
  String send(Call call) {
    Patience patience = patience();
    while (true) {
      try {
        return attempt(call);
      } catch (TransientException e) {
        pause(patience, call.repeatable(), e);
      } catch (InterruptedException e) {
        throw interrupted();
      }
    }
  }

  private void pause(Patience patience, boolean repeatable, TransientException e) {
    try {
      if (!repeatable || !patience.pause(e.wait)) {
        throw new MlflowUnreachableException(server(), e.getMessage());
      }
    } catch (InterruptedException interrupt) {
      throw interrupted();
    }
  }

  /** The thread's owner has no more patience. */
  MlflowUnreachableException interrupted() {
    Thread.currentThread().interrupt();
    return new MlflowUnreachableException(server(), "waiting for it was broken off");
  }

  private String attempt(Call call) throws TransientException, InterruptedException {
    Optional<Upload> upload = call.body().map(Upload::new);
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create(server() + call.path()))
            .header("User-Agent", "retune")
            .method(
                call.method(),
                upload.map(Upload::publisher).orElseGet(HttpRequest.BodyPublishers::noBody));
    authorization.header().ifPresent(value -> request.header("Authorization", value));
    if (upload.isPresent() && !call.method().equals("PUT")) {
      request.header("Content-Type", "application/json");
    }
    CompletableFuture<HttpResponse<String>> answer =
        client.sendAsync(
            request.build(), HttpResponse.BodyHandlers.ofString(StandardCharsets.UTF_8));
    try {
      return body(await(answer, upload), call);
    } catch (ExecutionException e) {
      upload.flatMap(Upload::failure).ifPresent(Http::unreadable);
      throw broken(e.getCause());
    } finally {
      // Since JDK 16 this closes the connection, if an answer is still being waited for.
      answer.cancel(true);
    }
  }

  private static void unreadable(IOException failure) {
    throw new UncheckedIOException("Nothing was published: " + failure.getMessage(), failure);
  }

  /**
   * HttpRequest's own timeout ends with the head of the answer, and counts the time of an upload.
   */
  private HttpResponse<String> await(
      CompletableFuture<HttpResponse<String>> answer, Optional<Upload> upload)
      throws ExecutionException, InterruptedException, TransientException {
    long begun = System.nanoTime();
    while (true) {
      long limit = limit(upload).toNanos();
      long left = upload.map(Upload::moved).orElse(begun) + limit - System.nanoTime();
      if (left <= 0) {
        throw new TransientException(
            "no answer within " + TimeUnit.NANOSECONDS.toSeconds(limit) + " s", Optional.empty());
      }
      try {
        return answer.get(left, TimeUnit.NANOSECONDS);
      } catch (TimeoutException e) {
        // An upload that moved meanwhile has more time.
      }
    }
  }

  private Duration limit(Optional<Upload> upload) {
    long stored = upload.map(Upload::sent).orElse(0L) / STORED_PER_SECOND;
    return site.requestTimeout().plusSeconds(stored);
  }

  private RuntimeException broken(Throwable cause) throws TransientException {
    for (Throwable t = cause; t != null; t = t.getCause()) {
      if (t instanceof CertificateException) {
        return MlflowRefusedException.of(
            ErrorCode.TRACKING_CERTIFICATE,
            server(),
            "shows a certificate that is not trusted (" + t.getMessage() + ")",
            "Name the PEM file of its authority in the site (tracking.mlflow.ca-certificate), and the server as its certificate does.");
      }
    }
    String name = cause.getClass().getSimpleName();
    String reason = cause.getMessage() == null ? name : name + ": " + cause.getMessage();
    throw new TransientException(authorization.redacted(reason), Optional.empty());
  }

  private String body(HttpResponse<String> response, Call call) throws TransientException {
    int status = response.statusCode();
    if (status >= 200 && status < 300) {
      return json(response, call);
    } else if (TRANSIENT.contains(status) || collided(response)) {
      throw new TransientException(
          "status " + status + said(response),
          SAY_WHEN.contains(status) ? retryAfter(response) : Optional.empty());
    }
    throw refused(response);
  }

  /**
   * Two publishers wrote equal rows at once; MLflow finds equal rows that are there already, so a
   * repetition succeeds.
   */
  private static boolean collided(HttpResponse<String> response) {
    return response.statusCode() == 400 && COLLISION.matcher(response.body()).find();
  }

  /** A page for people, with status 200, is not MLflow's: a portal's, say. */
  private String json(HttpResponse<String> response, Call call) {
    String body = response.body();
    if (call.method().equals("PUT") || body.startsWith("{")) {
      return body;
    }
    throw new MlflowRefusedException(
        ErrorCode.NOT_MLFLOW,
        server(),
        response.statusCode(),
        "",
        "does not answer as MLflow does",
        "Check tracking.mlflow.uri in the site, and what stands between here and there.");
  }

  private MlflowRefusedException refused(HttpResponse<String> response) {
    int status = response.statusCode();
    String remedy =
        switch (status) {
          case 401, 403 ->
              authorization.remedy()
                  + "; then `./retune sync RUN` sends what is missing. Some servers also want to know"
                  + " the names they are called by (--allowed-hosts).";
          case 407 -> "The proxy wants credentials; name one in the site that does not.";
          case 301, 302, 303, 307, 308 ->
              "Name that address in the site (tracking.mlflow.uri): credentials are not sent where a server"
                  + " points to.";
          default -> "Change that, then `./retune sync RUN` sends what is missing.";
        };
    return new MlflowRefusedException(
        ErrorCode.TRACKING_REFUSES,
        server(),
        status,
        code(response),
        "refuses: status " + status + said(response),
        remedy);
  }

  private static String code(HttpResponse<String> response) {
    return error(response).map(error -> error.path("error_code").asText()).orElse("");
  }

  private static Optional<JsonNode> error(HttpResponse<String> response) {
    try {
      return Optional.of(Json.read(response.body().getBytes(StandardCharsets.UTF_8)));
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  /** The server's own words, in one line. */
  private String said(HttpResponse<String> response) {
    Optional<String> location = response.headers().firstValue("Location");
    String text =
        location
            .map(l -> "to " + l.replaceAll("//[^/@]*@", "//").replaceAll("[?#].*", ""))
            .or(() -> error(response).map(e -> e.path("message").asText()))
            .filter(message -> !message.isEmpty())
            .orElse(response.body());
    String line = authorization.redacted(text).replaceAll("\\s+", " ").strip();
    return line.isEmpty()
        ? ""
        : ", " + line.substring(0, Math.min(SHOWN_CHARACTERS, line.length()));
  }

  /** RFC 9110, section 10.2.3: seconds, or a date. */
  private static Optional<Duration> retryAfter(HttpResponse<String> response) {
    return response.headers().firstValue("Retry-After").flatMap(Http::seconds);
  }

  private static Optional<Duration> seconds(String value) {
    if (value.matches("\\d{1,9}")) {
      return Optional.of(Duration.ofSeconds(Long.parseLong(value)));
    }
    try {
      Instant date = ZonedDateTime.parse(value, DateTimeFormatter.RFC_1123_DATE_TIME).toInstant();
      Duration until = Duration.between(Instant.now(), date);
      return Optional.of(until.isNegative() ? Duration.ZERO : until);
    } catch (DateTimeParseException e) {
      return Optional.empty();
    }
  }
}
