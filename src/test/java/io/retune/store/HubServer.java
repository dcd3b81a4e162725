package io.retune.store;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * A web server with the paths of the Hugging Face hub: small files are answered with git's name for
 * them as ETag, those that end with .safetensors are redirected to a second server, as the hub does
 * with large ones. It can be told to misbehave for a number of requests.
 */
public final class HubServer implements AutoCloseable {
  public static final String COMMIT = "0123456789abcdef0123456789abcdef01234567";

  /** What of it is asked. */
  enum Part {
    LISTING,
    FILE,
    STORE
  }

  /** What a handler does instead of the right thing. */
  interface Fault {
    void to(HttpExchange exchange) throws IOException;
  }

  /**
   * @param part another host, for {@link Part#STORE}
   */
  record Asked(Part part, String path, String authorization, String range) {}

  private final HttpServer hub = server();
  private final HttpServer store = server();
  private final ExecutorService threads = Executors.newCachedThreadPool();
  private final Map<String, byte[]> files = new TreeMap<>();
  private final Map<Part, Deque<Fault>> faults = new ConcurrentHashMap<>();
  private final List<Asked> asked = Collections.synchronizedList(new ArrayList<>());

  /** Where a request without this token is answered with 401; empty: nowhere. */
  public volatile String token = "";

  /** What a large file's ETag is said to be in place of its digest; empty: the truth. */
  volatile String linkedEtag = "";

  volatile String sha = COMMIT;

  public HubServer() {
    for (HttpServer server : List.of(hub, store)) {
      server.setExecutor(threads);
      server.start();
    }
    hub.createContext("/api/", exchange -> answer(exchange, Part.LISTING, this::hub));
    hub.createContext("/", exchange -> answer(exchange, Part.FILE, this::hub));
    store.createContext("/", exchange -> answer(exchange, Part.STORE, this::store));
  }

  private static HttpServer server() {
    try {
      return HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  public URI uri() {
    return URI.create("http://127.0.0.1:" + hub.getAddress().getPort());
  }

  /**
   * @param path such as {@code org/name/config.json} or {@code datasets/org/name/a/b.jsonl}
   */
  public HubServer with(String path, String content) {
    return with(path, content.getBytes(StandardCharsets.UTF_8));
  }

  HubServer with(String path, byte[] content) {
    files.put(path, content);
    return this;
  }

  /** The next answers of that part. */
  HubServer failing(Part part, Fault... next) {
    faults.computeIfAbsent(part, p -> new ArrayDeque<>()).addAll(List.of(next));
    return this;
  }

  List<Asked> asked() {
    return List.copyOf(asked);
  }

  List<Asked> asked(Part part) {
    return asked().stream().filter(a -> a.part() == part).toList();
  }

  static Fault status(int status, String... headers) {
    return exchange -> {
      for (int i = 0; i < headers.length; i += 2) {
        exchange.getResponseHeaders().set(headers[i], headers[i + 1]);
      }
      exchange.sendResponseHeaders(status, -1);
    };
  }

  private void answer(HttpExchange exchange, Part part, Fault right) throws IOException {
    try (exchange) {
      asked.add(
          new Asked(
              part,
              exchange.getRequestURI().getPath(),
              header(exchange, "Authorization"),
              header(exchange, "Range")));
      Deque<Fault> mine = faults.getOrDefault(part, new ArrayDeque<>());
      Fault fault;
      synchronized (mine) {
        fault = mine.poll();
      }
      (fault == null ? right : fault).to(exchange);
    }
  }

  private static String header(HttpExchange exchange, String name) {
    String value = exchange.getRequestHeaders().getFirst(name);
    return value == null ? "" : value;
  }

  private void hub(HttpExchange exchange) throws IOException {
    String path = exchange.getRequestURI().getPath().substring(1);
    if (!token.isEmpty() && !header(exchange, "Authorization").equals("Bearer " + token)) {
      exchange.getResponseHeaders().set("X-Error-Code", "GatedRepo");
      exchange.getResponseHeaders().set("X-Error-Message", "Access to it is restricted.");
      exchange.sendResponseHeaders(401, -1);
    } else if (path.startsWith("api/")) {
      listing(exchange, exchange.getRequestURI().getRawPath().substring(1));
    } else {
      file(exchange, path);
    }
  }

  /** {@code api/models/org/name/revision/main}; a revision is one part, its slashes encoded. */
  private void listing(HttpExchange exchange, String path) throws IOException {
    String[] parts = path.split("/");
    String prefix =
        (parts[1].equals("models") ? "" : "datasets/") + parts[2] + "/" + parts[3] + "/";
    String siblings =
        String.join(
            ",",
            files.keySet().stream()
                .filter(name -> name.startsWith(prefix))
                .map(name -> "{\"rfilename\":\"" + name.substring(prefix.length()) + "\"}")
                .toList());
    boolean known =
        List.of("main", COMMIT, "refs%2Fpr%2F3").contains(parts[5]) && !siblings.isEmpty();
    byte[] json =
        ("{\"id\":\"x\",\"sha\":\"" + sha + "\",\"siblings\":[" + siblings + "]}")
            .getBytes(StandardCharsets.UTF_8);
    if (!known) {
      exchange.getResponseHeaders().set("X-Error-Message", "Repository not found");
      exchange.sendResponseHeaders(404, -1);
      return;
    }
    exchange.sendResponseHeaders(200, json.length);
    exchange.getResponseBody().write(json);
  }

  /** {@code org/name/resolve/COMMIT/path}. */
  private void file(HttpExchange exchange, String path) throws IOException {
    String name = path.replace("/resolve/" + COMMIT, "");
    byte[] content = files.get(name);
    if (content == null) {
      exchange.sendResponseHeaders(404, -1);
      return;
    }
    exchange.getResponseHeaders().set("X-Repo-Commit", COMMIT);
    if (name.endsWith(".safetensors")) {
      String etag = linkedEtag.isEmpty() ? Sha256.of(content).hex() : linkedEtag;
      exchange.getResponseHeaders().set("X-Linked-ETag", "\"" + etag + "\"");
      exchange.getResponseHeaders().set("X-Linked-Size", "" + content.length);
      exchange
          .getResponseHeaders()
          .set(
              "Location",
              "http://localhost:"
                  + store.getAddress().getPort()
                  + "/"
                  + name
                  + "?Signature=hidden");
      exchange.sendResponseHeaders(302, -1);
      return;
    }
    exchange.getResponseHeaders().set("ETag", "\"" + gitName(content) + "\"");
    send(exchange, content);
  }

  private void store(HttpExchange exchange) throws IOException {
    send(exchange, files.get(exchange.getRequestURI().getPath().substring(1)));
  }

  private static void send(HttpExchange exchange, byte[] content) throws IOException {
    String range = header(exchange, "Range");
    if (range.isEmpty()) {
      exchange.sendResponseHeaders(200, content.length == 0 ? -1 : content.length);
      exchange.getResponseBody().write(content);
      return;
    }
    int from = Integer.parseInt(range.replaceAll("bytes=(\\d+)-", "$1"));
    if (from >= content.length) {
      exchange.getResponseHeaders().set("Content-Range", "bytes */" + content.length);
      exchange.sendResponseHeaders(416, -1);
      return;
    }
    exchange
        .getResponseHeaders()
        .set("Content-Range", "bytes " + from + "-" + (content.length - 1) + "/" + content.length);
    exchange.sendResponseHeaders(206, content.length - from);
    exchange.getResponseBody().write(Arrays.copyOfRange(content, from, content.length));
  }

  /** The right answer's head, and so many bytes of its body. */
  Fault brokenAfter(String path, int bytes) {
    return exchange -> {
      byte[] content = files.get(path);
      String range = header(exchange, "Range");
      int from = range.isEmpty() ? 0 : Integer.parseInt(range.replaceAll("bytes=(\\d+)-", "$1"));
      if (from > 0) {
        exchange
            .getResponseHeaders()
            .set(
                "Content-Range",
                "bytes " + from + "-" + (content.length - 1) + "/" + content.length);
      }
      exchange.sendResponseHeaders(from > 0 ? 206 : 200, content.length - from);
      exchange.getResponseBody().write(content, from, bytes);
      exchange.getResponseBody().flush();
      throw new IOException("broken off");
    };
  }

  private static String gitName(byte[] content) {
    try {
      java.security.MessageDigest digest = java.security.MessageDigest.getInstance("SHA-1");
      digest.update(("blob " + content.length + "\0").getBytes(StandardCharsets.US_ASCII));
      return java.util.HexFormat.of().formatHex(digest.digest(content));
    } catch (java.security.NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  @Override
  public void close() {
    hub.stop(0);
    store.stop(0);
    threads.shutdownNow();
  }
}
