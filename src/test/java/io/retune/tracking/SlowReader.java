package io.retune.tracking;

import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;

/** A server that takes its time over one request's body, and then answers. */
final class SlowReader implements AutoCloseable {
  private final ServerSocket socket;
  private final int bytes;
  private final Duration pause;
  private final Thread thread = new Thread(this::serve, "slow-reader");

  SlowReader(int bytes, Duration pause) throws IOException {
    this.bytes = bytes;
    this.pause = pause;
    socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
    socket.setReceiveBufferSize(bytes);
    thread.start();
  }

  int port() {
    return socket.getLocalPort();
  }

  private void serve() {
    try (Socket connection = socket.accept()) {
      InputStream in = connection.getInputStream();
      String head = "";
      while (!head.endsWith("\r\n\r\n")) {
        head += (char) in.read();
      }
      int left = Integer.parseInt(head.replaceAll("(?is).*content-length: (\\d+).*", "$1").strip());
      while (left > 0) {
        left -= in.readNBytes(Math.min(bytes, left)).length;
        Thread.sleep(pause.toMillis());
      }
      connection
          .getOutputStream()
          .write(
              "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
    } catch (IOException | InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void close() throws IOException {
    socket.close();
    thread.interrupt();
    try {
      thread.join(1000);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
