package io.retune.it;

import com.fasterxml.jackson.databind.JsonNode;
import io.retune.Programs;
import io.retune.store.Json;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.WebSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * A headless Chromium with one page, spoken to as its own developer tools do: the Chrome DevTools
 * Protocol over a web socket.
 */
final class Browser implements AutoCloseable {
  private static final int LIMIT_SECONDS = 60;
  private static final Path SCRIPT = Path.of("src", "it", "sh", "chromium.sh");

  private final Process process;
  private final Path profile;
  private final WebSocket socket;
  private final BlockingQueue<JsonNode> received = new LinkedBlockingQueue<>();
  private final List<String> complaints = new ArrayList<>();
  private int commands;

  private Browser(Process process, Path profile, URI page) {
    this.process = process;
    this.profile = profile;
    this.socket =
        HttpClient.newHttpClient().newWebSocketBuilder().buildAsync(page, new Inbox()).join();
  }

  static Browser start() {
    try {
      Path home = Path.of(System.getProperty("retune.home", "")).toAbsolutePath();
      Path profile = Files.createTempDirectory("chromium");
      Path log = Files.createDirectories(home.resolve("target/it-logs")).resolve("chromium.log");
      Process process =
          new ProcessBuilder(
                  "sh",
                  home.resolve(SCRIPT).toString(),
                  home.resolve("target/chromium").toString(),
                  "--headless",
                  "--no-sandbox",
                  "--disable-gpu",
                  "--disable-dev-shm-usage",
                  "--remote-debugging-port=0",
                  "--user-data-dir=" + profile,
                  "about:blank")
              .redirectErrorStream(true)
              .redirectOutput(log.toFile())
              .start();
      Browser browser = new Browser(process, profile, page(process, profile, log));
      for (String domain : List.of("Page", "Runtime", "Log")) {
        browser.call(domain + ".enable", Map.of());
      }
      return browser;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Where the one page is listened to, once Chromium has written down its port. */
  private static URI page(Process process, Path profile, Path log) throws IOException {
    Path port = profile.resolve("DevToolsActivePort");
    long deadline = System.nanoTime() + TimeUnit.MINUTES.toNanos(10);
    while (!Files.exists(port) || Files.readAllLines(port).size() < 2) {
      if (!process.isAlive() || System.nanoTime() > deadline) {
        process.destroyForcibly();
        throw new IllegalStateException("Chromium did not start: " + Files.readString(log));
      }
      pause();
    }
    URI pages = URI.create("http://127.0.0.1:" + Files.readAllLines(port).get(0) + "/json");
    for (JsonNode target : Json.read(pages.toURL().openStream().readAllBytes())) {
      if (target.path("type").asText().equals("page")) {
        return URI.create(target.path("webSocketDebuggerUrl").asText());
      }
    }
    throw new IllegalStateException("Chromium has no page");
  }

  private static void pause() {
    try {
      Thread.sleep(50);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  /** Messages may come in pieces. */
  private final class Inbox implements WebSocket.Listener {
    private final StringBuilder message = new StringBuilder();

    @Override
    public CompletionStage<?> onText(WebSocket from, CharSequence data, boolean last) {
      message.append(data);
      if (last) {
        received.add(parsed(message.toString()));
        message.setLength(0);
      }
      from.request(1);
      return null;
    }
  }

  private static JsonNode parsed(String json) {
    try {
      return Json.read(json.getBytes(StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private JsonNode call(String method, Map<String, ?> parameters) {
    int command = ++commands;
    socket
        .sendText(Json.write(Map.of("id", command, "method", method, "params", parameters)), true)
        .join();
    JsonNode answer = await(message -> message.path("id").asInt() == command, method);
    if (answer.has("error")) {
      throw new IllegalStateException(method + ": " + answer.path("error"));
    }
    return answer.path("result");
  }

  private JsonNode await(java.util.function.Predicate<JsonNode> wanted, String what) {
    try {
      while (true) {
        JsonNode message = received.poll(LIMIT_SECONDS, TimeUnit.SECONDS);
        if (message == null) {
          throw new IllegalStateException("Chromium does not answer: " + what);
        }
        noteComplaint(message);
        if (wanted.test(message)) {
          return message;
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    }
  }

  private void noteComplaint(JsonNode message) {
    String method = message.path("method").asText();
    boolean complains =
        method.equals("Runtime.exceptionThrown")
            || method.equals("Log.entryAdded")
            || method.equals("Runtime.consoleAPICalled");
    if (complains) {
      complaints.add(message.path("params").toString());
    }
  }

  /** What the page's console says, and what was thrown. */
  List<String> complaints() {
    return List.copyOf(complaints);
  }

  /**
   * Opens a file as on a screen of that width, in CSS pixels.
   *
   * @param scheme {@code light} or {@code dark}
   */
  void open(Path page, int width, String scheme) {
    call(
        "Emulation.setDeviceMetricsOverride",
        Map.of("width", width, "height", 800, "deviceScaleFactor", 1, "mobile", width < 600));
    call(
        "Emulation.setEmulatedMedia",
        Map.of("features", List.of(Map.of("name", "prefers-color-scheme", "value", scheme))));
    call("Page.navigate", Map.of("url", page.toUri().toString()));
    await(message -> message.path("method").asText().equals("Page.loadEventFired"), "load");
  }

  /** The value of a JavaScript expression, which must be JSON. */
  JsonNode evaluate(String expression) {
    JsonNode result =
        call("Runtime.evaluate", Map.of("expression", expression, "returnByValue", true));
    if (result.has("exceptionDetails")) {
      throw new IllegalStateException(result.path("exceptionDetails").toString());
    }
    return result.path("result").path("value");
  }

  byte[] pdf() {
    return Base64.getDecoder()
        .decode(call("Page.printToPDF", Map.of("preferCSSPageSize", true)).path("data").asText());
  }

  @Override
  public void close() {
    socket.abort();
    Programs.kill(process);
    try (Stream<Path> files = Files.walk(profile)) {
      process.waitFor();
      files.sorted(java.util.Comparator.reverseOrder()).map(Path::toFile).forEach(f -> f.delete());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
