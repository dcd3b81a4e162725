package io.retune.store;

import io.retune.config.ErrorCode;
import io.retune.config.HubSite;
import io.retune.config.InvalidInputException;
import io.retune.config.Secrets;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.http.HttpClient;
import java.net.http.HttpHeaders;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandler;
import java.net.http.HttpResponse.BodySubscriber;
import java.net.http.HttpResponse.BodySubscribers;
import java.net.http.HttpResponse.ResponseInfo;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.time.Instant;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeParseException;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;

/**
 * GET requests to the hub, with an end to every wait. What may work the next time is tried again, a
 * file from where it broke off. Redirects are followed to other hosts, where the hub keeps large
 * files, but the token goes to the hub alone.
 */
final class HubHttp {
  /**
   * How patient to be.
   *
   * @param firstPause before the second attempt; it doubles
   * @param silence how long no byte may come before an attempt is given up
   */
  record Patience(Duration firstPause, Duration silence) {
    static final Patience DEFAULT = new Patience(Duration.ofSeconds(1), Duration.ofSeconds(60));
  }

  /**
   * What the hub itself, not another host, said of a file.
   *
   * @param etag of its content: SHA-256 of a large file, else as git names it
   * @param size in bytes
   * @param commit that it belongs to
   */
  record Told(Optional<String> etag, Optional<Long> size, Optional<String> commit) {}

  /** The hub does not want to; asking again would not help. */
  static final class RefusedException extends IOException {
    private static final long serialVersionUID = 1L;
    private final int status;

    RefusedException(int status, String message) {
      super(message);
      this.status = status;
    }

    int status() {
      return status;
    }

    boolean asksWhoWeAre() {
      return status == 401 || status == 403;
    }
  }

  /** Did not work this time. */
  private static final class TransientException extends IOException {
    private static final long serialVersionUID = 1L;
    private final transient Optional<Duration> wait;
    private final boolean ofQuota;

    TransientException(String message) {
      this(message, Optional.empty(), false);
    }

    /**
     * @param wait that the hub asks for
     * @param ofQuota whether it is that too much was asked
     */
    TransientException(String message, Optional<Duration> wait, boolean ofQuota) {
      super(message);
      this.wait = wait;
      this.ofQuota = ofQuota;
    }
  }

  private static final int TOO_MANY_REQUESTS = 429;
  private static final Set<Integer> TRANSIENT =
      Set.of(408, 425, TOO_MANY_REQUESTS, 500, 502, 503, 504);
  private static final Set<Integer> REDIRECTS = Set.of(301, 302, 303, 307, 308);
  private static final int MOST_REDIRECTS = 5;

  /** In a row, none of which brought a byte. */
  private static final int ATTEMPTS = 5;

  private static final Duration LONGEST_PAUSE = Duration.ofSeconds(30);

  /** A hub that asks for more has a quota, and a person should know. */
  private static final Duration LONGEST_ASKED = Duration.ofMinutes(2);

  /** Times the usual pauses of 1, 2, 4 and 8 s: as long as the longest that may be asked for. */
  private static final int QUOTA_PAUSES = 8;

  /** A repository's list of files; none has more. */
  private static final int MOST_TEXT_BYTES = 64 << 20;

  private static final Duration CONNECT_LIMIT = Duration.ofSeconds(10);
  private static final Duration LOOK = Duration.ofMillis(500);

  private final HubSite site;
  private final Map<String, String> environment;
  private final Patience patience;
  private final HttpClient client =
      HttpClient.newBuilder()
          .version(HttpClient.Version.HTTP_1_1)
          .followRedirects(HttpClient.Redirect.NEVER)
          .connectTimeout(CONNECT_LIMIT)
          .build();

  HubHttp(HubSite site, Map<String, String> environment, Patience patience) {
    this.site = site;
    this.environment = environment;
    this.patience = patience;
  }

  /** Without credentials. */
  String server() {
    return site.endpoint().toString().replaceAll("/+$", "");
  }

  /** Where a token is looked for. */
  String tokenPlace() {
    return site.tokenFile()
        .map(file -> "the file " + file)
        .orElse("the environment variable " + site.tokenVariable());
  }

  /** Read for each request, and hidden from then on. */
  Optional<String> token() {
    Optional<String> token =
        site.tokenFile()
            .map(HubHttp::read)
            .or(() -> Optional.ofNullable(environment.get(site.tokenVariable())))
            .map(String::strip)
            .filter(value -> !value.isEmpty());
    token.ifPresent(Secrets::remember);
    return token;
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw InvalidInputException.notReadable(
          ErrorCode.BAD_CREDENTIALS,
          file.toString(),
          e,
          "Make it readable for us, or name another.");
    }
  }

  /**
   * @param last part of the path behind {@code folder}; it may have slashes, which are its own
   * @throws RefusedException if the hub does not want to
   * @throws IOException if it cannot be had
   */
  byte[] bytes(String folder, String last) throws IOException {
    URI uri = URI.create(uri(folder) + "/" + encoded(last).substring(1).replace("/", "%2F"));
    Retries retries = new Retries();
    while (true) {
      Body body = new Body();
      try {
        Followed answer = follow(uri, 0, info -> body.subscriber(), body::received);
        if (body.received() > MOST_TEXT_BYTES) {
          throw new RefusedException(answer.status(), "its answer is too long");
        }
        requireOk(answer, body);
        return body.bytes();
      } catch (RefusedException e) {
        throw e;
      } catch (IOException e) {
        retries.pause(e, false);
      }
    }
  }

  /**
   * Brings {@code file} to the whole of what lies at {@code path}; bytes that it has already are
   * taken to be its beginning.
   *
   * @throws RefusedException if the hub does not want to
   * @throws IOException if it cannot be had; {@code file} keeps what came
   */
  Told file(String path, Path file) throws IOException {
    Retries retries = new Retries();
    while (true) {
      long before = size(file);
      try {
        return attempt(path, file, before);
      } catch (RefusedException e) {
        throw e;
      } catch (IOException e) {
        if (UnwritableException.reasonOf(e).isPresent()) {
          throw e;
        }
        retries.pause(e, size(file) > before);
      }
    }
  }

  private Told attempt(String path, Path file, long before) throws IOException {
    Body refusal = new Body();
    Followed answer =
        follow(
            uri(path),
            before,
            info -> subscriber(info, file, before, refusal),
            () -> size(file) + refusal.received());
    if (answer.status() == 416 && before > 0) {
      if (contentRange(answer.headers()).equals("bytes */" + before)) {
        return answer.told();
      }
      Files.delete(file);
      throw new TransientException("the rest of it is not there");
    }
    if (answer.status() == 206 && !continues(answer.headers(), before)) {
      Files.deleteIfExists(file);
      throw new TransientException("another part came than was asked for");
    }
    requireOk(answer, refusal);
    Optional<Long> whole = answer.told().size().or(() -> wholeSize(answer, before));
    long size = size(file);
    if (whole.isPresent() && size < whole.get()) {
      throw new TransientException("it ended after " + size + " of " + whole.get() + " bytes");
    }
    if (whole.isPresent() && size > whole.get()) {
      Files.delete(file);
      throw new TransientException("more came than there is");
    }
    return answer.told();
  }

  private static BodySubscriber<Void> subscriber(
      ResponseInfo info, Path file, long before, Body refusal) {
    if (info.statusCode() == 206 && continues(info.headers(), before)) {
      return written(file, StandardOpenOption.APPEND);
    } else if (info.statusCode() == 200) {
      return written(file, StandardOpenOption.TRUNCATE_EXISTING);
    }
    return refusal.subscriber();
  }

  private static BodySubscriber<Void> written(Path file, StandardOpenOption how) {
    return BodySubscribers.mapping(
        BodySubscribers.ofFile(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE, how),
        path -> null);
  }

  private static boolean continues(HttpHeaders headers, long before) {
    return contentRange(headers).startsWith("bytes " + before + "-");
  }

  private static String contentRange(HttpHeaders headers) {
    return headers.firstValue("Content-Range").orElse("").toLowerCase(Locale.ROOT);
  }

  private static Optional<Long> wholeSize(Followed answer, long before) {
    Optional<Long> length = number(answer.headers().firstValue("Content-Length"));
    return answer.status() == 206 ? length.map(rest -> before + rest) : length;
  }

  private static long size(Path file) {
    return file.toFile().length();
  }

  private static void requireOk(Followed answer, Body body) throws IOException {
    int status = answer.status();
    if (status == 200 || status == 206) {
      return;
    }
    String said = said(answer.headers(), body);
    if (TRANSIENT.contains(status)) {
      throw new TransientException(
          "status " + status + said, retryAfter(answer.headers()), status == TOO_MANY_REQUESTS);
    }
    throw new RefusedException(status, "status " + status + said);
  }

  /** The hub puts its reason into a header. */
  private static String said(HttpHeaders headers, Body body) {
    String reason =
        headers
            .firstValue("X-Error-Message")
            .orElseGet(() -> body.text().lines().findFirst().orElse(""))
            .strip()
            .replaceFirst("\\.+$", "");
    return reason.isEmpty() ? "" : ", " + reason.substring(0, Math.min(200, reason.length()));
  }

  /** Seconds or a date (RFC 9110, 10.2.3). */
  private static Optional<Duration> retryAfter(HttpHeaders headers) {
    Optional<String> after = headers.firstValue("Retry-After");
    return number(after).map(Duration::ofSeconds).or(() -> after.flatMap(HubHttp::until));
  }

  private static Optional<Duration> until(String date) {
    try {
      Instant then = DateTimeFormatter.RFC_1123_DATE_TIME.parse(date, Instant::from);
      Duration wait = Duration.between(Instant.now(), then);
      return Optional.of(wait.isNegative() ? Duration.ZERO : wait);
    } catch (DateTimeParseException e) {
      return Optional.empty();
    }
  }

  private static Optional<Long> number(Optional<String> text) {
    return text.filter(digits -> digits.matches("\\d{1,18}")).map(Long::valueOf);
  }

  private record Followed(int status, HttpHeaders headers, Told told) {}

  private Followed follow(URI first, long from, BodyHandler<Void> handler, LongSupplier received)
      throws IOException {
    URI uri = first;
    Told told = new Told(Optional.empty(), Optional.empty(), Optional.empty());
    for (int hop = 0; hop <= MOST_REDIRECTS; hop++) {
      HttpResponse<Void> response = send(uri, from, handler, received);
      if (isHub(uri)) {
        told = told(response, told, from);
      }
      Optional<String> location = response.headers().firstValue("Location");
      if (!REDIRECTS.contains(response.statusCode()) || location.isEmpty()) {
        return new Followed(response.statusCode(), response.headers(), told);
      }
      uri = redirected(uri, location.get());
    }
    throw new RefusedException(302, "it redirects in a circle");
  }

  private URI uri(String path) throws IOException {
    return URI.create(server() + encoded(path));
  }

  /** With a slash in front. */
  private static String encoded(String path) throws IOException {
    try {
      return new URI(null, null, "/" + path, null).toASCIIString();
    } catch (URISyntaxException e) {
      throw new IOException("\"" + path + "\" is no path", e);
    }
  }

  private static URI redirected(URI from, String location) throws RefusedException {
    URI to;
    try {
      to = from.resolve(new URI(location));
    } catch (URISyntaxException e) {
      throw new RefusedException(302, "it redirects to what is no address");
    }
    String scheme = String.valueOf(to.getScheme()).toLowerCase(Locale.ROOT);
    boolean safe = scheme.equals("https") || (scheme.equals("http") && !isHttps(from));
    if (!safe || to.getHost() == null || to.getRawUserInfo() != null) {
      throw new RefusedException(302, "it redirects to another protocol, which is not followed");
    }
    return to;
  }

  private static boolean isHttps(URI uri) {
    return "https".equalsIgnoreCase(uri.getScheme());
  }

  /** Scheme, host and port: what a token is for. */
  private boolean isHub(URI uri) {
    return origin(uri).equals(origin(site.endpoint()));
  }

  private static String origin(URI uri) {
    int port = uri.getPort() >= 0 ? uri.getPort() : isHttps(uri) ? 443 : 80;
    return (uri.getScheme() + "://" + uri.getHost() + ":" + port).toLowerCase(Locale.ROOT);
  }

  /** X-Linked-...: of a large file that lies elsewhere. */
  private static Told told(HttpResponse<Void> response, Told before, long from) {
    HttpHeaders headers = response.headers();
    boolean isFile = response.statusCode() == 200 || response.statusCode() == 206;
    Optional<String> etag = isFile ? headers.firstValue("ETag") : Optional.empty();
    Optional<Long> length = number(headers.firstValue("Content-Length"));
    if (response.statusCode() == 206) {
      length = length.map(rest -> from + rest);
    }
    Optional<Long> size = isFile ? length : Optional.empty();
    return new Told(
        headers.firstValue("X-Linked-ETag").or(before::etag).or(() -> etag).map(HubHttp::bare),
        number(headers.firstValue("X-Linked-Size")).or(before::size).or(() -> size),
        headers.firstValue("X-Repo-Commit").or(before::commit));
  }

  /** {@code W/"abc"} as {@code abc}. */
  private static String bare(String etag) {
    return etag.replaceFirst("^W/", "").replace("\"", "");
  }

  private HttpResponse<Void> send(
      URI uri, long from, BodyHandler<Void> handler, LongSupplier received) throws IOException {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(uri).header("User-Agent", "retune").timeout(patience.silence());
    if (from > 0) {
      request.header("Range", "bytes=" + from + "-");
    }
    if (isHub(uri)) {
      token().ifPresent(value -> authorize(request, value));
    }
    CompletableFuture<HttpResponse<Void>> answer = client.sendAsync(request.build(), handler);
    try {
      return await(answer, received);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new RefusedException(0, "waiting for it was broken off");
    } catch (ExecutionException e) {
      throw new IOException(reason(e.getCause()), e.getCause());
    } finally {
      // Since JDK 16 this closes the connection, if an answer is still being waited for.
      answer.cancel(true);
    }
  }

  private void authorize(HttpRequest.Builder request, String token) {
    try {
      request.header("Authorization", "Bearer " + token);
    } catch (IllegalArgumentException e) {
      throw InvalidInputException.of(
          ErrorCode.BAD_CREDENTIALS,
          site.tokenFile().map(Path::toString).orElse(site.tokenVariable()),
          "holds no token.",
          "A token is one line of ASCII.");
    }
  }

  private static String reason(Throwable cause) {
    String name = cause.getClass().getSimpleName();
    return cause.getMessage() == null ? name : name + ": " + cause.getMessage();
  }

  /** HttpRequest's own timeout ends with the head of the answer. */
  private HttpResponse<Void> await(
      CompletableFuture<HttpResponse<Void>> answer, LongSupplier received)
      throws ExecutionException, InterruptedException, IOException {
    long seen = received.getAsLong();
    long end = System.nanoTime() + patience.silence().toNanos();
    long look = Math.min(LOOK.toNanos(), patience.silence().toNanos());
    while (true) {
      try {
        return answer.get(look, TimeUnit.NANOSECONDS);
      } catch (TimeoutException e) {
        long now = received.getAsLong();
        if (now != seen) {
          seen = now;
          end = System.nanoTime() + patience.silence().toNanos();
        } else if (System.nanoTime() - end > 0) {
          throw new TransientException("no byte came for " + patience.silence().toSeconds() + " s");
        }
      }
    }
  }

  /** A body that is kept in memory, up to a limit. */
  private static final class Body {
    private final ByteArrayOutputStream kept = new ByteArrayOutputStream();
    private final AtomicLong received = new AtomicLong();

    /** Of an answer; what came of an earlier one, such as a redirect, is forgotten. */
    BodySubscriber<Void> subscriber() {
      kept.reset();
      received.set(0);
      return BodySubscribers.ofByteArrayConsumer(chunk -> chunk.ifPresent(this::add));
    }

    private void add(byte[] chunk) {
      if (received.addAndGet(chunk.length) <= MOST_TEXT_BYTES) {
        kept.write(chunk, 0, chunk.length);
      }
    }

    long received() {
      return received.get();
    }

    byte[] bytes() {
      return kept.toByteArray();
    }

    String text() {
      return kept.toString(StandardCharsets.UTF_8);
    }
  }

  /** Counts attempts, and sleeps between them. */
  private final class Retries {
    private int left = ATTEMPTS - 1;
    private Duration next = patience.firstPause();

    /**
     * @throws IOException {@code failure}, when it is time to give up
     */
    void pause(IOException failure, boolean progressed) throws IOException {
      if (progressed) {
        left = ATTEMPTS - 1;
        next = patience.firstPause();
      }
      Optional<Duration> asked =
          failure instanceof TransientException t ? t.wait : Optional.empty();
      boolean ofQuota = failure instanceof TransientException t && t.ofQuota;
      if (left-- == 0 || asked.filter(wait -> wait.compareTo(LONGEST_ASKED) > 0).isPresent()) {
        throw failure;
      }
      try {
        Thread.sleep(asked.orElse(next.multipliedBy(ofQuota ? QUOTA_PAUSES : 1)).toMillis());
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new RefusedException(0, "waiting for it was broken off");
      }
      next =
          next.multipliedBy(2).compareTo(LONGEST_PAUSE) < 0 ? next.multipliedBy(2) : LONGEST_PAUSE;
    }
  }
}
