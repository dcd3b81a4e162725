package io.retune.collective;

import java.io.Closeable;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.function.BooleanSupplier;
import javax.crypto.Cipher;
import javax.crypto.Mac;
import javax.crypto.SecretKey;
import javax.crypto.spec.GCMParameterSpec;
import javax.crypto.spec.SecretKeySpec;

/**
 * An authenticated, encrypted connection between two members of an attempt, over TCP.
 *
 * <p>Each side proves the attempt's secret before anything else is read: the called sends a nonce,
 * the caller its number, a nonce of its own and an HMAC over both, the called an HMAC over both. So
 * a handshake that was overheard is of no use: the called's nonce will be another. Then every
 * message is a sequence of records: four bytes of length, and up to 256 KiB under AES-128-GCM with
 * a key of its direction and a counter as nonce (NIST SP 800-38D section 8.2.1), so that nothing
 * can be altered, repeated, reordered or left out.
 *
 * <p>One thread may send while another receives.
 */
public final class Channel implements Closeable {
  /** The driver's number; ranks have theirs from 0. */
  public static final int DRIVER = -1;

  private static final int MAGIC = 0x52544e31; // "RTN1"
  private static final int NONCE_BYTES = 16;
  private static final int PROOF_BYTES = 32;
  private static final int CALL_BYTES = 8 + NONCE_BYTES + PROOF_BYTES;
  private static final int RECORD_BYTES = 256 * 1024;
  private static final int TAG_BYTES = 16;
  private static final int HEADER_BYTES = 24;

  /** A small message may not claim more; vectors go into memory that is there already. */
  private static final int MAX_BODY_BYTES = 64 * 1024 * 1024;

  private static final int AUTHENTICATION_LIMIT_MS = 3000;

  private final Socket socket;
  private final int peer;
  private final DataInputStream in;
  private final OutputStream out;
  private final Direction sending;
  private final Direction receiving;
  private final byte[] outPlain = new byte[RECORD_BYTES];
  private final byte[] outSealed = new byte[Integer.BYTES + RECORD_BYTES + TAG_BYTES];
  private final byte[] inPlain = new byte[RECORD_BYTES];
  private final byte[] inSealed = new byte[RECORD_BYTES + TAG_BYTES];

  /**
   * What a message is about.
   *
   * @param kind the sender's and receiver's own affair
   * @param begin first leaf of a tree node, or anything
   * @param end behind its last leaf, or anything
   */
  public record Header(int kind, int step, int begin, int end) {}

  /** One direction's key and counter. */
  private static final class Direction {
    private final SecretKey key;
    private final Cipher cipher;
    private long records;

    Direction(byte[] key) throws GeneralSecurityException {
      this.key = new SecretKeySpec(key, "AES");
      this.cipher = Cipher.getInstance("AES/GCM/NoPadding");
    }

    Cipher next(int mode) throws GeneralSecurityException {
      byte[] nonce = ByteBuffer.allocate(12).putLong(4, records++).array();
      cipher.init(mode, key, new GCMParameterSpec(TAG_BYTES * 8, nonce));
      return cipher;
    }
  }

  private Channel(Socket socket, int peer, byte[] sendKey, byte[] receiveKey)
      throws IOException, GeneralSecurityException {
    this.socket = socket;
    this.peer = peer;
    this.in = new DataInputStream(socket.getInputStream());
    this.out = socket.getOutputStream();
    this.sending = new Direction(sendKey);
    this.receiving = new Direction(receiveKey);
  }

  /**
   * Calls a member of the attempt.
   *
   * @param me the caller's number
   * @param peer the called's number
   * @throws IOException if nobody listens there, or who does knows not the secret
   */
  public static Channel connect(InetSocketAddress address, Attempt attempt, int me, int peer)
      throws IOException {
    Socket socket = new Socket();
    try {
      socket.connect(address, AUTHENTICATION_LIMIT_MS);
      long deadline = prepare(socket);
      byte[] theirs = readBy(socket, NONCE_BYTES, deadline);
      byte[] mine = nonce();
      socket
          .getOutputStream()
          .write(
              ByteBuffer.allocate(CALL_BYTES)
                  .putInt(MAGIC)
                  .putInt(me)
                  .put(mine)
                  .put(proof(attempt, "call", me, peer, mine, theirs))
                  .array());
      byte[] proof = readBy(socket, PROOF_BYTES, deadline);
      require(proof, proof(attempt, "answer", me, peer, mine, theirs), socket);
      return open(socket, attempt, peer, "caller", "called", me, peer, mine, theirs);
    } catch (IOException | GeneralSecurityException e) {
      socket.close();
      throw e instanceof IOException io ? io : new IOException(e);
    }
  }

  /**
   * Answers a call; what it costs before the caller has proved the secret is bounded in bytes and
   * time.
   *
   * @param me the called's number
   * @param admitted asked once the caller has proved the secret, before it is told
   * @throws IOException if the caller does not prove the secret of this attempt at once
   */
  static Channel answer(Socket socket, Attempt attempt, int me, BooleanSupplier admitted)
      throws IOException {
    try {
      long deadline = prepare(socket);
      byte[] mine = nonce();
      socket.getOutputStream().write(mine);
      ByteBuffer call = ByteBuffer.wrap(readBy(socket, CALL_BYTES, deadline));
      if (call.getInt() != MAGIC) {
        throw new IOException("not one of us: " + socket.getRemoteSocketAddress());
      }
      int caller = call.getInt();
      byte[] theirs = new byte[NONCE_BYTES];
      byte[] proof = new byte[PROOF_BYTES];
      call.get(theirs).get(proof);
      require(proof, proof(attempt, "call", caller, me, theirs, mine), socket);
      if (!admitted.getAsBoolean()) {
        throw new IOException("crowded out: " + socket.getRemoteSocketAddress());
      }
      socket.getOutputStream().write(proof(attempt, "answer", caller, me, theirs, mine));
      return open(socket, attempt, caller, "called", "caller", caller, me, theirs, mine);
    } catch (IOException | GeneralSecurityException e) {
      socket.close();
      throw e instanceof IOException io ? io : new IOException(e);
    }
  }

  /** The instant, on the nanosecond clock, by which the other side must have proved the secret. */
  private static long prepare(Socket socket) throws IOException {
    socket.setTcpNoDelay(true);
    return System.nanoTime() + AUTHENTICATION_LIMIT_MS * 1_000_000L;
  }

  /** One that sends a byte now and then is held to the whole limit. */
  private static byte[] readBy(Socket socket, int length, long deadline) throws IOException {
    byte[] bytes = new byte[length];
    int read = 0;
    while (read < length) {
      long left = (deadline - System.nanoTime()) / 1_000_000;
      if (left <= 0) {
        throw new IOException("no proof in time from " + socket.getRemoteSocketAddress());
      }
      socket.setSoTimeout((int) left);
      int n = socket.getInputStream().read(bytes, read, length - read);
      if (n < 0) {
        throw new EOFException("hung up: " + socket.getRemoteSocketAddress());
      }
      read += n;
    }
    return bytes;
  }

  private static Channel open(
      Socket socket,
      Attempt attempt,
      int peer,
      String mine,
      String theirs,
      int caller,
      int called,
      byte[] callerNonce,
      byte[] calledNonce)
      throws IOException, GeneralSecurityException {
    // Waits from here on end when the socket is closed: see Peers.
    socket.setSoTimeout(0);
    return new Channel(
        socket,
        peer,
        Arrays.copyOf(proof(attempt, mine, caller, called, callerNonce, calledNonce), 16),
        Arrays.copyOf(proof(attempt, theirs, caller, called, callerNonce, calledNonce), 16));
  }

  private static byte[] nonce() {
    byte[] nonce = new byte[NONCE_BYTES];
    new SecureRandom().nextBytes(nonce);
    return nonce;
  }

  private static byte[] proof(
      Attempt attempt, String purpose, int caller, int called, byte[]... nonces)
      throws GeneralSecurityException {
    Mac mac = Mac.getInstance("HmacSHA256");
    mac.init(new SecretKeySpec(attempt.secret(), "HmacSHA256"));
    mac.update(
        (purpose + "\0" + attempt.run() + "\0" + attempt.number() + "\0" + caller + "\0" + called)
            .getBytes(StandardCharsets.UTF_8));
    for (byte[] nonce : nonces) {
      mac.update(nonce);
    }
    return mac.doFinal();
  }

  private static void require(byte[] found, byte[] expected, Socket socket) throws IOException {
    if (!MessageDigest.isEqual(found, expected)) {
      throw new IOException("does not know the secret: " + socket.getRemoteSocketAddress());
    }
  }

  /** The number of the other side. */
  public int peer() {
    return peer;
  }

  /** Sends {@code length} floats of {@code vector} from {@code offset} on. */
  public void send(Header header, float[] vector, int offset, int length) {
    try {
      head(header, length * 4L);
      int perRecord = RECORD_BYTES / 4;
      for (int at = 0; at < length; at += perRecord) {
        int n = Math.min(perRecord, length - at);
        ByteBuffer.wrap(outPlain).asFloatBuffer().put(vector, offset + at, n);
        seal(n * 4);
      }
      out.flush();
    } catch (IOException | GeneralSecurityException e) {
      throw lost(e);
    }
  }

  /** Sends a small message. */
  public void send(Header header, byte[] body) {
    try {
      head(header, body.length);
      for (int at = 0; at < body.length; at += RECORD_BYTES) {
        int n = Math.min(RECORD_BYTES, body.length - at);
        System.arraycopy(body, at, outPlain, 0, n);
        seal(n);
      }
      out.flush();
    } catch (IOException | GeneralSecurityException e) {
      throw lost(e);
    }
  }

  private void head(Header header, long bytes) throws IOException, GeneralSecurityException {
    ByteBuffer.wrap(outPlain)
        .putInt(header.kind())
        .putInt(header.step())
        .putInt(header.begin())
        .putInt(header.end())
        .putLong(bytes);
    seal(HEADER_BYTES);
  }

  private void seal(int length) throws IOException, GeneralSecurityException {
    // Length and record in one write: with TCP_NODELAY two would be two packets.
    int sealed =
        sending.next(Cipher.ENCRYPT_MODE).doFinal(outPlain, 0, length, outSealed, Integer.BYTES);
    ByteBuffer.wrap(outSealed).putInt(sealed);
    out.write(outSealed, 0, Integer.BYTES + sealed);
  }

  /**
   * Receives floats into {@code vector}; the message must have this header and length.
   *
   * @throws IllegalStateException if the other side sent something else
   */
  public void receive(Header expected, float[] vector, int offset, int length) {
    try {
      long bytes = expect(expected);
      if (bytes != length * 4L) {
        throw new IllegalStateException(who() + " sent " + bytes + " bytes for " + expected);
      }
      for (int at = 0; at < length; ) {
        int n = unseal() / 4;
        if (n > length - at) {
          throw new IllegalStateException(who() + " sent more than it said");
        }
        ByteBuffer.wrap(inPlain).asFloatBuffer().get(vector, offset + at, n);
        at += n;
      }
    } catch (IOException | GeneralSecurityException e) {
      throw lost(e);
    }
  }

  /**
   * Receives a small message; it must have this header.
   *
   * @throws IllegalStateException if the other side sent something else
   */
  public byte[] receive(Header expected) {
    try {
      long bytes = expect(expected);
      if (bytes < 0 || bytes > MAX_BODY_BYTES) {
        throw new IllegalStateException(who() + " announced " + bytes + " bytes");
      }
      byte[] body = new byte[(int) bytes];
      for (int at = 0; at < body.length; ) {
        int n = unseal();
        if (n > body.length - at) {
          throw new IllegalStateException(who() + " sent more than it said");
        }
        System.arraycopy(inPlain, 0, body, at, n);
        at += n;
      }
      return body;
    } catch (IOException | GeneralSecurityException e) {
      throw lost(e);
    }
  }

  private long expect(Header expected) throws IOException, GeneralSecurityException {
    if (unseal() != HEADER_BYTES) {
      throw new IllegalStateException(who() + " sent no header");
    }
    ByteBuffer fields = ByteBuffer.wrap(inPlain);
    Header found = new Header(fields.getInt(), fields.getInt(), fields.getInt(), fields.getInt());
    if (!found.equals(expected)) {
      throw new IllegalStateException(who() + " sent " + found + " instead of " + expected);
    }
    return fields.getLong();
  }

  private int unseal() throws IOException, GeneralSecurityException {
    int length = in.readInt();
    if (length < TAG_BYTES || length > inSealed.length) {
      throw new IOException("a record of " + length + " bytes");
    }
    in.readFully(inSealed, 0, length);
    return receiving.next(Cipher.DECRYPT_MODE).doFinal(inSealed, 0, length, inPlain, 0);
  }

  private UncheckedIOException lost(Exception cause) {
    return new UncheckedIOException(
        new IOException("The connection to " + who() + " is lost: " + cause.getMessage(), cause));
  }

  private String who() {
    return peer == DRIVER ? "the driver" : "rank " + peer;
  }

  @Override
  public void close() throws IOException {
    socket.close();
  }
}
