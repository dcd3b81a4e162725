package io.retune;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;

/**
 * A web server that is never what was hoped for: below {@code /401} it answers with that status,
 * below {@code /page} with a page for people.
 */
final class WrongServer implements AutoCloseable {
  private final HttpServer server;

  WrongServer() throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext("/", WrongServer::answer);
    server.start();
  }

  private static void answer(HttpExchange exchange) throws IOException {
    String first = exchange.getRequestURI().getPath().split("/")[1];
    try (exchange) {
      boolean isStatus = first.matches("\\d{3}");
      byte[] body = (isStatus ? "{}" : "<html>Sign in</html>").getBytes(StandardCharsets.UTF_8);
      exchange.getRequestBody().readAllBytes();
      exchange.sendResponseHeaders(isStatus ? Integer.parseInt(first) : 200, body.length);
      exchange.getResponseBody().write(body);
    }
  }

  int port() {
    return server.getAddress().getPort();
  }

  @Override
  public void close() {
    server.stop(0);
  }
}
