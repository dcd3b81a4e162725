package io.retune.config;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigException;
import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigIncludeContext;
import com.typesafe.config.ConfigIncluder;
import com.typesafe.config.ConfigIncluderClasspath;
import com.typesafe.config.ConfigIncluderFile;
import com.typesafe.config.ConfigIncluderURL;
import com.typesafe.config.ConfigObject;
import com.typesafe.config.ConfigOrigin;
import com.typesafe.config.ConfigOriginFactory;
import com.typesafe.config.ConfigParseOptions;
import com.typesafe.config.ConfigResolveOptions;
import com.typesafe.config.ConfigSyntax;
import com.typesafe.config.ConfigUtil;
import com.typesafe.config.ConfigValue;
import com.typesafe.config.ConfigValueFactory;
import java.io.File;
import java.io.IOException;
import java.net.URL;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Reads HOCON that may come from a stranger. Nothing but files below one folder is opened, no
 * environment or system property is seen, and size, depth and what substitutions make of it are
 * bounded before they are worked out.
 */
final class ConfigFiles {
  /** Far above what a person writes; far below what hurts. */
  static final int MAX_FILE_BYTES = 1 << 20;

  static final int MAX_TOTAL_BYTES = 4 << 20;

  /** Brackets, or dots of a key, inside one another; a recipe has about eight. */
  static final int MAX_DEPTH = 64;

  static final int MAX_INCLUDE_DEPTH = 16;

  /** That the library thinks of: keys in quotes, and files of other names. */
  private static final Pattern WRONG_HINT = Pattern.compile("(?s) \\(if you intended .*");

  private static final String ONLY_FILES =
      "Include a file under the folder conf by its relative path: include \"../data/x.conf\".";

  private final Problems problems;
  private final Deque<Path> open = new ArrayDeque<>();
  private Path root = Path.of("");
  private long bytesRead;

  ConfigFiles(Problems problems) {
    this.problems = problems;
  }

  /**
   * A file with its includes, the overrides laid over it, substitutions resolved.
   *
   * @param overrides {@code path=value}, the value as it would stand in the file
   * @throws InvalidInputException if what was read cannot be made sense of
   */
  ConfigObject read(Path file, List<String> overrides) {
    problems.expect(file.toString());
    Place place = new Place(file.toString(), 0);
    try {
      root = rootOf(file);
      return resolved(overlaid(parsed(file, place).toConfig(), overrides), place);
    } catch (StackOverflowError e) {
      problems.add(
          ErrorCode.BEYOND_LIMITS,
          place,
          "is nested too deeply.",
          "At most " + MAX_DEPTH + " levels are read.");
      problems.throwIfAny();
      throw new IllegalStateException("unreachable", e);
    } catch (ConfigException e) {
      addHoconProblem(e, place);
      problems.throwIfAny();
      throw new IllegalStateException("unreachable", e);
    }
  }

  /** Overrides alone. */
  ConfigObject read(List<String> overrides) {
    return resolved(overlaid(ConfigFactory.empty(), overrides), new Place("--set", 0));
  }

  /**
   * The nearest folder above that is called conf, so that a run may include ../data; else its own.
   */
  private static Path rootOf(Path file) {
    Path folder = file.toAbsolutePath().normalize().getParent();
    for (Path above = folder; above != null; above = above.getParent()) {
      if (above.endsWith("conf")) {
        return above;
      }
    }
    return folder;
  }

  private ConfigObject resolved(Config config, Place place) {
    problems.throwIfAny();
    new Expansion(config.root(), problems).check(place);
    problems.throwIfAny();
    return config.resolve(ConfigResolveOptions.noSystem()).root();
  }

  private ConfigObject parsed(Path file, Place includedFrom) {
    String text = text(file, includedFrom);
    int tooDeep = Nesting.firstLineDeeperThan(MAX_DEPTH, text);
    if (tooDeep > 0) {
      problems.add(
          ErrorCode.BEYOND_LIMITS,
          new Place(file.toString(), tooDeep),
          "is nested more than " + MAX_DEPTH + " levels deep.",
          "Write the configuration flatter.");
      return ConfigFactory.empty().root();
    }
    open.push(real(file));
    try {
      return ConfigFactory.parseString(text, options(file.toString(), new Includer(file, text)))
          .root();
    } catch (ConfigException.Parse e) {
      int unclosed = Nesting.lineOfUnclosed(text);
      if (unclosed == 0 || !e.getMessage().contains("end of file")) {
        throw e;
      }
      problems.add(
          ErrorCode.NOT_HOCON,
          new Place(file.toString(), unclosed),
          "is not HOCON: a bracket that is opened here is never closed.",
          "Close it, with } or ].");
      return ConfigFactory.empty().root();
    } finally {
      open.pop();
    }
  }

  /** Whether the parser takes it, whatever it includes. */
  static boolean isHocon(String text) {
    try {
      ConfigIncluder none = new ConfigFiles(new Problems()).new Includer(Path.of("edited"), "");
      ConfigFactory.parseString(text, options("", none));
      return true;
    } catch (ConfigException.Parse e) {
      return false;
    }
  }

  private static ConfigParseOptions options(String description, ConfigIncluder includer) {
    return ConfigParseOptions.defaults()
        .setSyntax(ConfigSyntax.CONF)
        .setOriginDescription(description)
        .setIncluder(includer);
  }

  private String text(Path file, Place includedFrom) {
    try {
      long size = Files.size(file);
      bytesRead += size;
      if (size > MAX_FILE_BYTES || bytesRead > MAX_TOTAL_BYTES) {
        problems.add(
            ErrorCode.BEYOND_LIMITS,
            new Place(file.toString(), 0),
            size > MAX_FILE_BYTES
                ? "is " + size + " bytes long."
                : "and the files read before it are " + bytesRead + " bytes long together.",
            "A configuration file has at most %d bytes, with everything it includes at most %d."
                .formatted(MAX_FILE_BYTES, MAX_TOTAL_BYTES));
        return "";
      }
      byte[] bytes = Files.readAllBytes(file);
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
    } catch (CharacterCodingException e) {
      problems.add(
          ErrorCode.NOT_UTF8, new Place(file.toString(), 0), "is not UTF-8.", "Save it as UTF-8.");
    } catch (IOException e) {
      problems.add(
          ErrorCode.FILE_NOT_FOUND,
          includedFrom,
          Files.exists(file) ? "cannot be read: " + FileReason.of(e) + "." : "is not there.",
          "Give the path of a readable configuration file.");
    }
    return "";
  }

  private static Path real(Path file) {
    try {
      return file.toRealPath();
    } catch (IOException e) {
      return file.toAbsolutePath().normalize();
    }
  }

  private Config overlaid(Config config, List<String> overrides) {
    Config result = config;
    for (String override : overrides) {
      result = overlaid(result, override);
    }
    return result;
  }

  private Config overlaid(Config config, String override) {
    int equals = override.indexOf('=');
    String path = equals < 0 ? override.strip() : override.substring(0, equals).strip();
    Place place = new Place(Place.OVERRIDE + path, 0);
    try {
      ConfigUtil.splitPath(path);
    } catch (ConfigException e) {
      equals = -1;
    }
    if (equals < 0 || Nesting.firstLineDeeperThan(MAX_DEPTH, override) > 0) {
      problems.add(
          ErrorCode.BAD_OVERRIDE,
          place,
          "\"" + override + "\" is no override.",
          "Write --set path=value, one key each.");
      return config;
    }
    ConfigValue value = overriding(place, override.substring(equals + 1).strip());
    try {
      return config.withValue(path, value);
    } catch (ConfigException.NotResolved e) {
      return value.atPath(path).withFallback(config);
    }
  }

  /** As HOCON; text that is none, such as {@code pip:a==1!b}, stands for itself. */
  private ConfigValue overriding(Place place, String value) {
    ConfigOrigin origin = ConfigOriginFactory.newSimple(place.file());
    ConfigIncluder includer = new Includer(Path.of(place.file()), "");
    try {
      ConfigValue parsed =
          ConfigFactory.parseString("v = " + value, options(place.file(), includer))
              .root()
              .get("v");
      return parsed == null ? ConfigValueFactory.fromAnyRef(value).withOrigin(origin) : parsed;
    } catch (ConfigException e) {
      return ConfigValueFactory.fromAnyRef(value).withOrigin(origin);
    }
  }

  private void addHoconProblem(ConfigException e, Place file) {
    Place place = e.origin() == null ? file : Place.of(e.origin());
    String message = e.getMessage();
    if (e.origin() != null) {
      message = message.replace(e.origin().description() + ": ", "");
    }
    if (e instanceof ConfigException.UnresolvedSubstitution) {
      Matcher name = Pattern.compile("\\$\\{\\??[^}]*}").matcher(message);
      String what = name.find() ? name.group() : "a substitution";
      problems.add(
          ErrorCode.BAD_SUBSTITUTION,
          place,
          what + " stands for nothing in this configuration.",
          "Name a key of this configuration (the environment is not read); "
              + "a column of the data goes inside quotes.");
    } else {
      problems.add(
          ErrorCode.NOT_HOCON,
          place,
          "is not HOCON: " + WRONG_HINT.matcher(message).replaceFirst(""),
          "See conf/reference.conf for an example.");
    }
  }

  /** Opens files under the root, and nothing else; says no in a way that lets reading go on. */
  private final class Includer
      implements ConfigIncluder, ConfigIncluderFile, ConfigIncluderURL, ConfigIncluderClasspath {
    private final Path file;
    private final String text;

    Includer(Path file, String text) {
      this.file = file;
      this.text = text;
    }

    @Override
    public ConfigObject include(ConfigIncludeContext context, String what) {
      if (what.contains("://")) {
        return refuse(what, "include of a URL, \"" + what + "\", is refused.", ONLY_FILES);
      }
      try {
        Path asked = Path.of(what);
        if (asked.isAbsolute() || text.isEmpty()) {
          return refuse(what, "include of \"" + what + "\" is refused.", ONLY_FILES);
        }
        Path parent = file.getParent();
        return include(what, (parent == null ? asked : parent.resolve(asked)).normalize());
      } catch (InvalidPathException e) {
        return refuse(what, "include of \"" + what + "\" names no path.", ONLY_FILES);
      }
    }

    private ConfigObject include(String what, Path target) {
      if (!target.toAbsolutePath().normalize().startsWith(root)
          || !real(target).startsWith(real(root))) {
        return refuse(
            what, "include of \"" + what + "\" leaves the folder " + root + ".", ONLY_FILES);
      }
      if (!Files.isRegularFile(target)) {
        return refuse(what, "include of \"" + what + "\": there is no " + target + ".", ONLY_FILES);
      }
      if (open.contains(real(target)) || open.size() >= MAX_INCLUDE_DEPTH) {
        return refuse(
            what,
            "include of \"" + what + "\" includes itself.",
            "Includes are at most " + MAX_INCLUDE_DEPTH + " deep and never in a circle.");
      }
      return parsed(target, place("", what));
    }

    private ConfigObject refuse(String what, String message, String remedy) {
      return refuse("", what, message, remedy);
    }

    private ConfigObject refuse(String form, String what, String message, String remedy) {
      problems.add(ErrorCode.INCLUDE_REFUSED, place(form, what), message, remedy);
      return ConfigFactory.empty().root();
    }

    /** The parser does not tell where it is: the first include of that form and name is meant. */
    private Place place(String form, String what) {
      Matcher include =
          Pattern.compile(
                  "\\binclude\\s+(required\\(\\s*)?" + form + "\"" + Pattern.quote(what) + "\"")
              .matcher(text);
      if (!include.find()) {
        return new Place(file.toString(), 0);
      }
      long linesBefore = text.substring(0, include.start()).chars().filter(c -> c == '\n').count();
      return new Place(file.toString(), (int) linesBefore + 1);
    }

    @Override
    public ConfigObject includeURL(ConfigIncludeContext context, URL what) {
      return refuse(
          "url\\(\\s*", what.toString(), "include of the URL " + what + " is refused.", ONLY_FILES);
    }

    @Override
    public ConfigObject includeFile(ConfigIncludeContext context, File what) {
      return refuse(
          "file\\(\\s*", what.toString(), "include file(\"" + what + "\") is refused.", ONLY_FILES);
    }

    @Override
    public ConfigObject includeResources(ConfigIncludeContext context, String what) {
      return refuse(
          "classpath\\(\\s*", what, "include classpath(\"" + what + "\") is refused.", ONLY_FILES);
    }

    @Override
    public ConfigIncluder withFallback(ConfigIncluder fallback) {
      return this;
    }
  }
}
