package io.retune.config;

import com.typesafe.config.ConfigObject;
import com.typesafe.config.ConfigValue;
import com.typesafe.config.ConfigValueType;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * The sources of a configuration as they stand in its files, so that what pins them can be written
 * there. The rest of the configuration may be unfinished.
 */
public final class WrittenSources {
  private static final String SOURCE = "source";
  private static final String SHA256 = "sha256";
  private static final String NO_DIGEST = "0".repeat(64);

  /** A source that does not say yet which bytes it means. */
  public static final class Unpinned {
    private final String key;
    private final String source;

    /** As it is written: no digest, or that of a source that moves; empty: none. */
    private final Optional<String> sha256;

    private final Place sourcePlace;
    private final Place sha256Place;

    private Unpinned(String key, Block block, String source) {
      this.key = key;
      this.source = source;
      this.sha256 = text(block.take(SHA256));
      this.sourcePlace = block.place(SOURCE);
      this.sha256Place = block.place(SHA256);
    }

    /** As it is written. */
    public String source() {
      return source;
    }

    /** File and line of the source. */
    public String place() {
      return sourcePlace.toString();
    }

    private boolean isPinned() {
      boolean digest =
          sha256.filter(hex -> SourceSpec.SHA256.matcher(hex).matches()).isPresent()
              && !sha256.get().equals(NO_DIGEST);
      return digest && !SourceForm.moves(source);
    }
  }

  private final List<Unpinned> unpinned = new ArrayList<>();
  private final SortedMap<String, HoconText> texts = new TreeMap<>();
  private final Problems problems = new Problems();

  private WrittenSources() {}

  /**
   * @throws InvalidInputException if the file cannot be read, or has sources that cannot be pinned
   */
  public static WrittenSources of(Path file) {
    WrittenSources sources = new WrittenSources();
    ConfigObject values = new ConfigFiles(sources.problems).read(file, List.of());
    Block root =
        Block.root(new Block.Shared(sources.problems), values, new Place(file.toString(), 0));
    sources.add("model", root.child("model"), SourceForm.Use.MODEL);
    Map<String, Block> datasets = root.child("data").child("datasets").named();
    datasets.forEach(
        (name, block) -> sources.add("data.datasets." + name, block, SourceForm.Use.DATASET));
    sources.problems.throwIfAny();
    return sources;
  }

  private void add(String key, Block block, SourceForm.Use use) {
    Optional<String> source = text(block.take(SOURCE));
    if (source.isEmpty()) {
      block.missing(SOURCE, use.expected());
      return;
    }
    SourceForm.check(block, SOURCE, SourceForm.asIfPinned(source.get()), use);
    Unpinned found = new Unpinned(key, block, source.get());
    if (!found.isPinned()) {
      unpinned.add(found);
    }
  }

  private static Optional<String> text(Optional<ConfigValue> value) {
    return value
        .filter(v -> v.valueType() == ConfigValueType.STRING || isNumber(v))
        .map(v -> v.atKey("v").getString("v"));
  }

  private static boolean isNumber(ConfigValue value) {
    return value.valueType() == ConfigValueType.NUMBER;
  }

  /** In the order of the configuration's keys, the model first. */
  public List<Unpinned> unpinned() {
    return List.copyOf(unpinned);
  }

  /**
   * What pins a source, to be written by {@link #write}.
   *
   * @param pinned the source, or the same at a commit or version
   * @return what changes, a line for each value
   * @throws InvalidInputException if the place where it stands is not plain enough to change
   */
  public List<String> pin(Unpinned source, SourceSpec pinned) {
    List<String> said = new ArrayList<>();
    Place at = source.sourcePlace;
    if (!pinned.source().equals(source.source)) {
      require(
          text(at).replace(at.line(), SOURCE, source.source, pinned.source()),
          at,
          source.key + ".source = \"" + pinned.source() + "\"");
      said.add(at + ": " + source.key + ".source = \"" + pinned.source() + "\"");
    }
    String setting = source.key + ".sha256 = " + pinned.sha256();
    if (source.sha256.isEmpty()) {
      boolean added = text(at).add(at.line(), SOURCE, source.source, SHA256, pinned.sha256());
      require(added, at, setting);
      said.add(at + ": " + setting);
    } else if (!source.sha256.get().equals(pinned.sha256())) {
      Place old = source.sha256Place;
      require(
          text(old).replace(old.line(), SHA256, source.sha256.get(), pinned.sha256()),
          old,
          setting);
      said.add(old + ": " + setting);
    }
    return said;
  }

  private static void require(boolean written, Place place, String setting) {
    if (!written) {
      throw InvalidInputException.of(
          ErrorCode.NOT_PINNABLE,
          place.toString(),
          "cannot be changed in place: the value is put together, or there are two of it.",
          "Write it yourself: " + setting);
    }
  }

  private HoconText text(Place place) {
    return texts.computeIfAbsent(
        place.file(),
        file -> {
          try {
            return new HoconText(Files.readString(Path.of(file)));
          } catch (IOException e) {
            throw new UncheckedIOException(e);
          }
        });
  }

  /** Changes the files; each is whole at any time. */
  public void write() {
    texts.forEach(
        (file, text) -> {
          if (!text.isChanged()) {
            return;
          }
          try {
            replace(Path.of(file).toRealPath(), text.edited());
          } catch (IOException e) {
            throw InvalidInputException.notWritable(file, e, "Check who may write to it.");
          }
        });
  }

  private static void replace(Path file, String text) throws IOException {
    Path staged = Files.createTempFile(file.getParent(), "." + file.getFileName(), ".pinned");
    try {
      // The copy has the old one's permissions.
      Files.copy(
          file, staged, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.COPY_ATTRIBUTES);
      Files.writeString(staged, text);
      Files.move(staged, file, StandardCopyOption.ATOMIC_MOVE);
    } finally {
      Files.deleteIfExists(staged);
    }
  }
}
