package io.retune.store;

import com.fasterxml.jackson.databind.JsonNode;
import io.retune.config.ErrorCode;
import io.retune.config.FileReason;
import io.retune.config.HubSite;
import io.retune.config.HubSource;
import io.retune.config.InvalidInputException;
import io.retune.store.HubHttp.RefusedException;
import io.retune.store.HubHttp.Told;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Models and datasets of the Hugging Face hub, by its HTTP API: {@code
 * /api/{models,datasets}/ORG/NAME/revision/REVISION} lists a repository's files, {@code
 * [/datasets]/ORG/NAME/resolve/COMMIT/path} is one of them.
 */
final class Hub {
  private static final Logger log = LoggerFactory.getLogger(Hub.class);

  /**
   * What is taken of a model whose source names no path. Which files these are decides what the
   * pinned digest is of, so this never changes.
   */
  private static final PathMatcher MODEL =
      glob(
          "{config.json,generation_config.json,chat_template.jinja,special_tokens_map.json,"
              + "tokenizer*.json,model*.safetensors,model.safetensors.index.json}");

  private final HubHttp http;

  Hub(HubSite site, Map<String, String> environment, HubHttp.Patience patience) {
    http = new HubHttp(site, environment, patience);
  }

  Hub(HubSite site) {
    this(site, System.getenv(), HubHttp.Patience.DEFAULT);
  }

  private static PathMatcher glob(String pattern) {
    return FileSystems.getDefault().getPathMatcher("glob:" + pattern);
  }

  /** A repository at a commit. */
  private record Listing(String commit, List<String> files) {}

  /**
   * The commit that the source's revision stands for now.
   *
   * @param place what named the source, for messages
   * @throws InvalidInputException if the hub does not say
   */
  String commitOf(HubSource source, String place) {
    return listing(source, place).commit();
  }

  /**
   * Puts the source's files into a folder, under their names without folder.
   *
   * @param source pinned to a commit
   * @param partial where downloads are kept that broke off
   * @throws InvalidInputException if they cannot be had, or are not what the hub says they are
   */
  void download(HubSource source, Path into, Path partial, String place) throws IOException {
    Listing listing = listing(source, place);
    if (!listing.commit().equals(source.revision())) {
      throw InvalidInputException.of(
          ErrorCode.DIGEST_DIFFERS,
          place,
          "\""
              + source
              + "\": "
              + http.server()
              + " answers with the commit "
              + listing.commit()
              + ".",
          "Expected the commit that was asked for; check hub.endpoint.");
    }
    for (String path : chosen(source, listing, place)) {
      Path file = into.resolve(path.substring(path.lastIndexOf('/') + 1));
      download(source, path, file, partial, place);
      log.info(
          "event=hub-file repository={} path={} bytes={}",
          source.repository(),
          path,
          Files.size(file));
    }
  }

  private Listing listing(HubSource source, String place) {
    String folder = "api/%s/%s/revision".formatted(source.kind(), source.repository());
    try {
      JsonNode answer = Json.read(http.bytes(folder, source.revision()));
      List<String> files = new ArrayList<>();
      answer.path("siblings").forEach(file -> files.add(file.path("rfilename").asText()));
      String commit = answer.path("sha").asText();
      if (!commit.matches("[0-9a-f]{40}")) {
        throw new IOException("its answer names no commit");
      }
      return new Listing(commit, files);
    } catch (IOException e) {
      throw refused(source, "", e, place);
    }
  }

  private static List<String> chosen(HubSource source, Listing listing, String place) {
    String path = source.path().orElse("");
    String folder = path.substring(0, path.lastIndexOf('/') + 1);
    PathMatcher names = source.path().isPresent() ? glob(path.substring(folder.length())) : MODEL;
    List<String> chosen = new ArrayList<>();
    for (String file : listing.files()) {
      String name = file.startsWith(folder) ? file.substring(folder.length()) : "";
      if (isName(name) && names.matches(Path.of(name))) {
        chosen.add(file);
      }
    }
    if (chosen.isEmpty()) {
      List<String> near = listing.files().subList(0, Math.min(12, listing.files().size()));
      throw InvalidInputException.of(
          ErrorCode.SOURCE_NOT_FOUND,
          place,
          "\"" + source + "\" names no file.",
          "There are: " + String.join(", ", near) + ".");
    }
    return chosen;
  }

  /** In no other folder: a hub's answer must not lead elsewhere. */
  private static boolean isName(String name) {
    return !name.isEmpty() && name.matches("[^/\\\\\\p{Cntrl}]+") && !name.matches("\\.\\.?");
  }

  private void download(HubSource source, String path, Path file, Path partial, String place)
      throws IOException {
    String repository = (source.isModel() ? "" : "datasets/") + source.repository();
    String address = repository + "/resolve/" + source.revision() + "/" + path;
    try (PartialFile part = PartialFile.hold(partial, Sha256.of(http.server() + "/" + address))) {
      boolean resumed = Files.exists(part.path());
      boolean whole = fetched(address, part, source);
      if (!whole && resumed) {
        // What was there from an earlier download was not its beginning.
        whole = fetched(address, part, source);
      }
      if (!whole) {
        throw InvalidInputException.of(
            ErrorCode.DIGEST_DIFFERS,
            place,
            "\"" + source + "\": " + path + " is not what " + http.server() + " says it is.",
            "Something changes bytes on the way, or hub.endpoint is no true mirror.");
      }
      part.moveTo(file);
    } catch (RefusedException e) {
      throw refused(source, path, e, place);
    } catch (IOException e) {
      if (UnwritableException.reasonOf(e).isPresent()) {
        throw e;
      }
      throw refused(source, path, e, place);
    }
  }

  /** Whether the file is what the hub says; if not, nothing is left of it. */
  private boolean fetched(String address, PartialFile part, HubSource source) throws IOException {
    Told told = http.file(address, part.path());
    boolean right =
        told.commit().map(source.revision()::equals).orElse(true)
            && told.size().map(size -> size == part.path().toFile().length()).orElse(true)
            && told.etag().map(etag -> isContent(etag, part.path())).orElse(true);
    if (!right) {
      part.discard();
    }
    return right;
  }

  /**
   * A large file's ETag is its SHA-256, a small one's git's name for it, a mirror's may be its
   * SHA-1. Others say nothing.
   */
  private static boolean isContent(String etag, Path file) {
    try {
      if (etag.matches("[0-9a-f]{64}")) {
        return Sha256.of(file).hex().equals(etag);
      } else if (etag.matches("[0-9a-f]{40}")) {
        byte[] gitHeader = ("blob " + Files.size(file) + "\0").getBytes(StandardCharsets.US_ASCII);
        return sha1(gitHeader, file).equals(etag) || sha1(new byte[0], file).equals(etag);
      }
      return true;
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  private static String sha1(byte[] before, Path file) throws IOException {
    try (InputStream in = Files.newInputStream(file)) {
      MessageDigest digest = MessageDigest.getInstance("SHA-1");
      digest.update(before);
      byte[] chunk = new byte[1 << 16];
      for (int n = in.read(chunk); n >= 0; n = in.read(chunk)) {
        digest.update(chunk, 0, n);
      }
      return HexFormat.of().formatHex(digest.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("Every Java platform has SHA-1", e);
    }
  }

  private InvalidInputException refused(
      HubSource source, String path, IOException e, String place) {
    String what = "\"" + source + "\"" + (path.isEmpty() ? "" : ": " + path);
    if (e instanceof RefusedException refusal && refusal.asksWhoWeAre()) {
      return InvalidInputException.of(
          ErrorCode.HUB_REFUSES,
          place,
          what
              + " is not given to "
              + (http.token().isPresent() ? "this token" : "everybody")
              + ": "
              + FileReason.of(e)
              + ".",
          "Check the name, accept its conditions on "
              + http.server()
              + ", and put a token that may"
              + " read it into "
              + http.tokenPlace()
              + ".");
    }
    if (e instanceof RefusedException refusal && refusal.status() == 404) {
      return InvalidInputException.of(
          ErrorCode.SOURCE_NOT_FOUND,
          place,
          what + " is not on " + http.server() + ": " + FileReason.of(e) + ".",
          "Check name and revision; what is private needs a token in " + http.tokenPlace() + ".");
    }
    return InvalidInputException.of(
        ErrorCode.SOURCE_NOT_FETCHED,
        place,
        what + " could not be fetched from " + http.server() + ": " + FileReason.of(e) + ".",
        "Try again: a download goes on where it broke off. Check hub.endpoint and proxy settings.");
  }
}
