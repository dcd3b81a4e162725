package io.retune.store;

import io.retune.config.ErrorCode;
import io.retune.config.FileReason;
import io.retune.config.HubSite;
import io.retune.config.HubSource;
import io.retune.config.InvalidInputException;
import io.retune.config.Site;
import io.retune.config.SourceSpec;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.regex.PatternSyntaxException;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileStatus;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Brings the bytes a source names onto this machine, and refuses them when they are not the pinned
 * ones. What has been fetched lies in the cache under its digest and is not fetched again. Packages
 * come through the user's own pip and Maven, whose proxies and mirrors apply; nothing of a package
 * is executed. Offline, what is neither a local file nor in the cache is refused.
 */
public final class Sources {
  private static final Logger log = LoggerFactory.getLogger(Sources.class);
  private static final Duration FETCH_LIMIT = Duration.ofMinutes(30);

  private final Path cache;
  private final Configuration hadoop;
  private final Hub hub;
  private final boolean offline;

  /** With the hub that everybody uses, which nothing but a source of it reaches. */
  public Sources(Path cache, Configuration hadoop) {
    this(cache, hadoop, new Hub(HubSite.DEFAULT), false);
  }

  public Sources(Site site, Configuration hadoop) {
    this(Path.of(site.cache()), hadoop, new Hub(site.hub()), site.offline());
  }

  Sources(Path cache, Configuration hadoop, Hub hub, boolean offline) {
    this.cache = cache.toAbsolutePath();
    this.hadoop = hadoop;
    this.hub = hub;
    this.offline = offline;
  }

  /**
   * Files that are what was pinned.
   *
   * @param sha256 as {@link SourceSpec#sha256} defines it
   * @param files local paths by name without folder
   */
  public record Fetched(Sha256 sha256, SortedMap<String, Path> files) {
    public Fetched {
      files = Collections.unmodifiableSortedMap(new TreeMap<>(files));
    }
  }

  /**
   * @param place the configuration key that names the source, for messages
   * @throws InvalidInputException if the source cannot be had or is not what was pinned; nothing is
   *     left behind then but the beginning of a download from the hub, which the next one goes on
   *     with
   */
  public Fetched fetch(SourceSpec spec, String place) {
    Sha256 pinned = new Sha256(spec.sha256());
    return reading(spec.source(), place, () -> pinned(spec.source(), pinned, place));
  }

  private Fetched pinned(String source, Sha256 pinned, String place) throws IOException {
    if (source.startsWith("file:")) {
      return verified(localFiles(source, place), pinned, place, source);
    }
    Path home = cache.resolve("sources").resolve(pinned.hex());
    if (Files.isDirectory(home)) {
      SortedMap<String, Path> cached = filesIn(home);
      if (digest(cached).equals(pinned)) {
        return new Fetched(pinned, cached);
      }
      log.warn("event=cached-source-damaged path={}", home);
      Scratch.delete(home);
    }
    return fetchInto(source, Optional.of(pinned), place);
  }

  private interface Reading<T> {
    T read() throws IOException;
  }

  private <T> T reading(String source, String place, Reading<T> reading) {
    try {
      return reading.read();
    } catch (IOException e) {
      throw InvalidInputException.of(
          ErrorCode.SOURCE_NOT_READABLE,
          place,
          "\"" + source + "\" cannot be read: " + FileReason.of(e) + ".",
          "Check the path, and that " + cache + " can be written to.");
    } catch (PatternSyntaxException | InvalidPathException e) {
      throw InvalidInputException.of(
          ErrorCode.NOT_A_SOURCE,
          place,
          "\"" + source + "\" is neither a path nor a glob.",
          "Put \\ before a character of *?[]{}\\ that is meant as it is.");
    }
  }

  /**
   * The digest to pin a source by: of the bytes it has now, which are kept in the cache. What can
   * have no others is not fetched again for it.
   *
   * @param place what named the source, for messages
   * @throws InvalidInputException if it cannot be had
   */
  public Sha256 digestOf(String source, String place) {
    return reading(
        source,
        place,
        () -> {
          if (source.startsWith("file:")) {
            return digest(localFiles(source, place));
          }
          Optional<Sha256> before = fetchedBefore(source);
          return before.isPresent()
              ? before.get()
              : fetchInto(source, Optional.empty(), place).sha256();
        });
  }

  private Optional<Sha256> fetchedBefore(String source) throws IOException {
    Path digest = digestFile(source);
    if (!SourceSpec.isFixed(source) || !Files.exists(digest)) {
      return Optional.empty();
    }
    return Optional.of(Files.readString(digest).strip())
        .filter(hex -> Files.isDirectory(cache.resolve("sources").resolve(hex)))
        .map(Sha256::new);
  }

  /** Beside the files of the sources: the digest that a source had which can have no other. */
  private Path digestFile(String source) {
    return cache.resolve("digests").resolve(Sha256.of(source).hex());
  }

  private void remember(String source, Sha256 sha256, Path staged) throws IOException {
    if (SourceSpec.isFixed(source)) {
      Path file = digestFile(source);
      Files.createDirectories(file.getParent());
      Path whole = Files.writeString(staged.resolve("digest"), sha256.hex() + "\n");
      Files.move(whole, file, StandardCopyOption.ATOMIC_MOVE);
    }
  }

  /**
   * The same files without compression; to be closed when they have been read.
   *
   * @param place what names the source, for messages
   * @throws InvalidInputException naming files that are damaged
   */
  public Unpacked unpacked(Fetched fetched, String place) {
    return unpacked(cache.resolve("sources"), false, fetched, place);
  }

  /**
   * The same as copies below {@code folder}, for hosts that see that folder and not this cache.
   *
   * @throws InvalidInputException naming files that are damaged
   */
  public Unpacked unpackedInto(Path folder, Fetched fetched, String place) {
    return unpacked(folder, true, fetched, place);
  }

  private Unpacked unpacked(Path folder, boolean all, Fetched fetched, String place) {
    return reading(
        fetched.files().firstKey(), place, () -> Unpacked.of(fetched.files(), folder, all));
  }

  /** Into the cache, unless it is not what was pinned. */
  private Fetched fetchInto(String source, Optional<Sha256> pinned, String place)
      throws IOException {
    requireOnline(source, pinned, place);
    Path sources = cache.resolve("sources");
    Path staged = Scratch.make(sources, ".fetching-");
    try {
      Path files = Files.createDirectory(staged.resolve("files"));
      if (source.startsWith("pip:")) {
        unpack(pip(source, staged, place), source, files, place);
      } else if (source.startsWith("maven:")) {
        unpack(maven(source, staged, place), source, files, place);
      } else if (HubSource.isHub(source)) {
        hub.download(committed(source, place), files, cache.resolve("partial"), place);
      } else {
        copyFromHadoop(source, files, place);
      }
      Sha256 found = digest(filesIn(files));
      if (pinned.isPresent()) {
        requirePinned(found, pinned.get(), place, source);
      }
      Path home = sources.resolve(found.hex());
      try {
        Files.move(files, home, StandardCopyOption.ATOMIC_MOVE);
      } catch (IOException e) {
        // Another process was faster; what it put there has the same digest.
        if (!Files.isDirectory(home)) {
          throw e;
        }
      }
      remember(source, found, staged);
      return new Fetched(found, filesIn(home));
    } finally {
      Scratch.delete(staged);
    }
  }

  private void requireOnline(String source, Optional<Sha256> pinned, String place) {
    if (offline) {
      throw InvalidInputException.of(
          ErrorCode.OFFLINE,
          place,
          "\"%s\" is not in the cache %s%s, and this site is offline."
              .formatted(source, cache, pinned.map(sha256 -> " as " + sha256.brief()).orElse("")),
          pinned.isPresent()
              ? "Fetch it once with --set offline=false, or bring the folder sources/"
                  + pinned.get()
                  + " of a cache that has it."
              : "Give a file:, or --set offline=false.");
    }
  }

  /** Where the tables of a query lie: anywhere. */
  public static final String QUERY = "sql:";

  /**
   * For those who read by other means.
   *
   * @param location where {@code source} lies: a path or URI; or {@link #QUERY}
   * @throws InvalidInputException offline, unless it is on this machine's disk
   */
  public void requireReachable(String location, String source, String place) {
    if (offline && location.matches("(?!file:)[A-Za-z][A-Za-z0-9+.-]+:.*")) {
      throw InvalidInputException.of(
          ErrorCode.OFFLINE,
          place,
          "\""
              + source
              + (location.equals(QUERY) ? "\" may need" : "\" needs")
              + " the network, and this site is offline.",
          "Give a table on this machine's disk as delta:PATH@VERSION, or --set offline=false.");
    }
  }

  private static HubSource committed(String source, String place) {
    return HubSource.parse(source)
        .filter(HubSource::isPinned)
        .orElseThrow(
            () ->
                InvalidInputException.of(
                    ErrorCode.SOURCE_MOVES,
                    place,
                    "\"" + source + "\" names no commit, so its bytes may change.",
                    "Expected hf://models/ORG/NAME@COMMIT, 40 hexadecimal digits."));
  }

  /**
   * The source with the commit that its branch or tag stands for now.
   *
   * @param place what named the source, for messages
   * @throws InvalidInputException if the hub does not say
   */
  public HubSource committed(HubSource source, String place) {
    if (source.isPinned()) {
      return source;
    }
    requireOnline(source.toString(), Optional.empty(), place);
    return source.at(hub.commitOf(source, place));
  }

  private static Fetched verified(
      SortedMap<String, Path> files, Sha256 pinned, String place, String source)
      throws IOException {
    requirePinned(digest(files), pinned, place, source);
    return new Fetched(pinned, files);
  }

  private static void requirePinned(Sha256 found, Sha256 pinned, String place, String source) {
    found.require(place + " = \"" + source + "\"", pinned);
  }

  /** Of one file its own, of several that of their manifest. */
  private static Sha256 digest(SortedMap<String, Path> files) throws IOException {
    SortedMap<String, Sha256> manifest = new TreeMap<>();
    for (Map.Entry<String, Path> file : files.entrySet()) {
      manifest.put(file.getKey(), Sha256.of(file.getValue()));
    }
    return manifest.size() == 1 ? manifest.get(manifest.firstKey()) : Sha256.ofManifest(manifest);
  }

  /** In a folder without links and {@code ..}, which Hadoop would follow in another way. */
  private static SortedMap<String, Path> filesIn(Path folder) throws IOException {
    SortedMap<String, Path> files = new TreeMap<>();
    try (Stream<Path> children = Files.list(folder.toRealPath())) {
      children.filter(Files::isRegularFile).forEach(f -> files.put(f.getFileName().toString(), f));
    }
    return files;
  }

  /** A file, the files of a folder, or those a glob in the last part matches. */
  private static SortedMap<String, Path> localFiles(String source, String place)
      throws IOException {
    String path = source.substring("file:".length()).replaceFirst("^///", "/");
    Path whole = Path.of(path);
    if (Files.isDirectory(whole)) {
      return required(filesIn(whole), source, place, List.of());
    }
    if (Files.isRegularFile(whole)) {
      Path name = whole.getFileName();
      return new TreeMap<>(
          Map.of(name.toString(), whole.toAbsolutePath().getParent().toRealPath().resolve(name)));
    }
    Path folder = whole.toAbsolutePath().getParent();
    SortedMap<String, Path> all =
        Files.isDirectory(folder) ? filesIn(folder) : Collections.emptySortedMap();
    PathMatcher glob = glob(whole.getFileName().toString());
    SortedMap<String, Path> matching = new TreeMap<>(all);
    matching.keySet().removeIf(name -> !glob.matches(Path.of(name)));
    return required(matching, source, place, List.copyOf(all.keySet()));
  }

  private static PathMatcher glob(String pattern) {
    return FileSystems.getDefault().getPathMatcher("glob:" + pattern);
  }

  private static SortedMap<String, Path> required(
      SortedMap<String, Path> found, String source, String place, List<String> near) {
    if (found.isEmpty()) {
      throw InvalidInputException.of(
          ErrorCode.SOURCE_NOT_FOUND,
          place,
          "\"" + source + "\" names no file.",
          near.isEmpty()
              ? "Check the path."
              : "There are: " + String.join(", ", first(near)) + ".");
    }
    return found;
  }

  private static List<String> first(List<String> names) {
    return names.subList(0, Math.min(12, names.size()));
  }

  private static Path pip(String source, Path staged, String place) throws IOException {
    String requirement = coordinates(source, "pip:", place);
    Path wheels = Files.createDirectory(staged.resolve("wheels"));
    List<String> arguments =
        List.of(
            "-m",
            "pip",
            "download",
            "--quiet",
            "--disable-pip-version-check",
            "--no-input",
            "--no-deps",
            "--only-binary",
            ":all:",
            "-d",
            wheels.toString(),
            requirement);
    client("python3", arguments, staged, place, source, "Python's pip");
    return onlyFile(wheels, place, source);
  }

  private static Path maven(String source, Path staged, String place) throws IOException {
    String artifact = coordinates(source, "maven:", place);
    Path jars = Files.createDirectory(staged.resolve("jars"));
    List<String> arguments =
        List.of(
            "-q",
            "-B",
            "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy",
            "-Dartifact=" + artifact,
            "-DoutputDirectory=" + jars);
    client("mvn", arguments, staged, place, source, "Maven");
    return onlyFile(jars, place, source);
  }

  private static String coordinates(String source, String scheme, String place) {
    int end = source.indexOf('!');
    if (end < 0) {
      throw InvalidInputException.of(
          ErrorCode.NOT_A_SOURCE,
          place,
          "\"" + source + "\" does not say which file.",
          "Add it: " + source + "!path.");
    }
    return source.substring(scheme.length(), end);
  }

  private static void client(
      String program, List<String> arguments, Path folder, String place, String source, String name)
      throws IOException {
    List<String> command = new ArrayList<>(List.of(program));
    command.addAll(arguments);
    Path log = folder.resolve("client.log");
    try {
      Process process =
          new ProcessBuilder(command)
              .directory(folder.toFile())
              .redirectErrorStream(true)
              .redirectOutput(log.toFile())
              .start();
      process.getOutputStream().close();
      if (!process.waitFor(FETCH_LIMIT.toSeconds(), java.util.concurrent.TimeUnit.SECONDS)) {
        process.destroyForcibly();
        throw InvalidInputException.of(
            ErrorCode.SOURCE_NOT_FETCHED,
            place,
            name + " did not fetch \"" + source + "\" in " + FETCH_LIMIT.toMinutes() + " minutes.",
            "Try again, or check its proxy settings.");
      }
      if (process.exitValue() != 0) {
        throw InvalidInputException.of(
            ErrorCode.SOURCE_NOT_FETCHED,
            place,
            name + " could not fetch \"" + source + "\": " + lastLine(log),
            "Check name and version, and that " + name + " itself works here.");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    } catch (IOException e) {
      if (Files.exists(log) && e.getMessage().contains("No such file")) {
        throw InvalidInputException.of(
            ErrorCode.PROGRAM_NOT_FOUND,
            place,
            "\"" + source + "\" needs " + name + ", which was not found as " + program + ".",
            "Install it and put it on PATH.");
      }
      throw e;
    }
  }

  private static String lastLine(Path log) throws IOException {
    List<String> lines = Files.readAllLines(log);
    return lines.stream()
        .filter(l -> l.contains("ERROR") || l.contains("error"))
        .findFirst()
        .orElse(lines.isEmpty() ? "it said nothing" : lines.get(lines.size() - 1));
  }

  private static Path onlyFile(Path folder, String place, String source) throws IOException {
    SortedMap<String, Path> files = filesIn(folder);
    if (files.size() != 1) {
      throw InvalidInputException.of(
          ErrorCode.UNEXPECTED_FILES,
          place,
          "\"" + source + "\" gave the files " + files.keySet() + ".",
          "Expected one.");
    }
    return files.get(files.firstKey());
  }

  /**
   * Takes the files that the path behind {@code !} names out of a wheel or jar; their names cannot
   * lead elsewhere.
   */
  private static void unpack(Path archive, String source, Path into, String place)
      throws IOException {
    String path = source.substring(source.indexOf('!') + 1);
    int slash = path.lastIndexOf('/');
    String folder = path.substring(0, slash + 1);
    PathMatcher glob = glob(path.substring(slash + 1));
    List<String> near = new ArrayList<>();
    try (ZipFile zip = new ZipFile(archive.toFile())) {
      for (ZipEntry entry : Collections.list(zip.entries())) {
        if (entry.isDirectory()
            || !entry.getName().startsWith(folder)
            || entry.getName().indexOf('/', folder.length()) >= 0) {
          near.add(entry.getName());
          continue;
        }
        String name = entry.getName().substring(folder.length());
        near.add(0, entry.getName());
        if (glob.matches(Path.of(name)) && !name.equals("..")) {
          try (InputStream in = zip.getInputStream(entry)) {
            Files.copy(in, into.resolve(name));
          }
        }
      }
    }
    required(filesIn(into), source, place, near);
  }

  private void copyFromHadoop(String source, Path into, String place) throws IOException {
    try {
      org.apache.hadoop.fs.Path path = new org.apache.hadoop.fs.Path(source);
      org.apache.hadoop.fs.FileSystem files = path.getFileSystem(hadoop);
      FileStatus[] found = files.globStatus(path);
      if (found != null) {
        for (FileStatus status : found) {
          copyFromHadoop(files, status, into);
        }
      }
    } catch (RuntimeException e) {
      // A file system that is named and not there, a name that is no URI.
      Throwable reason = e.getCause() == null ? e : e.getCause();
      throw new IOException(reason.getMessage(), e);
    }
    required(filesIn(into), source, place, List.of());
  }

  private static void copyFromHadoop(
      org.apache.hadoop.fs.FileSystem files, FileStatus status, Path into) throws IOException {
    if (status.isDirectory()) {
      for (FileStatus child : files.listStatus(status.getPath())) {
        if (child.isFile()) {
          copyFromHadoop(files, child, into);
        }
      }
      return;
    }
    try (InputStream in = files.open(status.getPath())) {
      Files.copy(in, into.resolve(status.getPath().getName()));
    }
  }
}
