package io.retune.tracking;

import io.retune.Programs;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;

/** An authority that nobody knows, made by keytool, and a server's certificate that it signed. */
public final class OwnAuthority {
  private static final String WORD = "changeit";

  private final Path folder;

  /** Signs for 127.0.0.1. */
  public OwnAuthority(Path folder) {
    this.folder = folder;
    keytool(
        "-genkeypair -alias ca -dname CN=Retune-Test-CA -ext bc:c -keyalg RSA -keystore ca.p12");
    keytool("-exportcert -rfc -alias ca -keystore ca.p12 -file ca.pem");
    keytool("-genkeypair -alias server -dname CN=server -keyalg RSA -keystore server.p12");
    keytool("-certreq -alias server -keystore server.p12 -file server.csr");
    keytool(
        "-gencert -rfc -alias ca -keystore ca.p12 -infile server.csr -outfile server.pem"
            + " -ext san=ip:127.0.0.1");
    keytool("-importcert -noprompt -alias ca -file ca.pem -keystore server.p12");
    keytool("-importcert -noprompt -alias server -file server.pem -keystore server.p12");
  }

  private void keytool(String arguments) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "keytool").toString());
    command.addAll(List.of(arguments.split(" ")));
    command.addAll(List.of("-storepass", WORD));
    Programs.run(new ProcessBuilder(command).directory(folder.toFile()));
  }

  /** PEM. */
  public Path certificate() {
    return folder.resolve("ca.pem");
  }

  /** The server's, PEM. */
  public Path serverCertificate() {
    return folder.resolve("server.pem");
  }

  /** The server's, PEM. */
  public Path serverKey() {
    try {
      String key =
          Base64.getMimeEncoder()
              .encodeToString(serverStore().getKey("server", WORD.toCharArray()).getEncoded());
      return Files.writeString(
          folder.resolve("server.key"),
          "-----BEGIN PRIVATE KEY-----\n" + key + "\n-----END PRIVATE KEY-----\n");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  private KeyStore serverStore() throws GeneralSecurityException, IOException {
    KeyStore store = KeyStore.getInstance("PKCS12");
    try (InputStream in = Files.newInputStream(folder.resolve("server.p12"))) {
      store.load(in, WORD.toCharArray());
    }
    return store;
  }

  SSLContext server() {
    try {
      KeyManagerFactory keys = KeyManagerFactory.getInstance("SunX509");
      keys.init(serverStore(), WORD.toCharArray());
      SSLContext context = SSLContext.getInstance("TLS");
      context.init(keys.getKeyManagers(), null, null);
      return context;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }
}
