package io.retune.config;

import com.typesafe.config.ConfigObject;
import com.typesafe.config.ConfigValue;
import com.typesafe.config.ConfigValueType;
import java.net.URI;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Reads the {@link Site} from HOCON, with the same care and the same errors as a recipe. */
public final class SiteLoader {
  private static final Set<String> KEYS =
      Set.of(
          "store",
          "cache",
          "master",
          "executors",
          "executor-cores",
          "executor-memory",
          "lanes",
          "tracking",
          "hub",
          "require-success-metrics",
          "offline");

  /** Holds the model of the quickstart, its activations and Spark's own needs. */
  private static final long DEFAULT_EXECUTOR_MEMORY_MB = 3072;

  /** What Spark itself asks for at least, in MiB. */
  private static final long LEAST_EXECUTOR_MEMORY_MB = 512;

  private static final Kind<String> TEXT = Kind.text("Expected text.");

  private SiteLoader() {}

  /** Whether an override of {@code path} is about the site, rather than about the recipe. */
  public static boolean isSiteKey(String path) {
    return KEYS.contains(path.split("[.=]", 2)[0].strip());
  }

  /** The first part of each, sorted. */
  public static List<String> keys() {
    return KEYS.stream().sorted().toList();
  }

  /**
   * The site that {@code file} describes; where it says nothing, defaults.
   *
   * @param overrides {@code path=value}, laid over the file; later ones win
   * @throws InvalidInputException with every problem found, each with its file and line
   */
  public static Site load(Optional<Path> file, List<String> overrides) {
    return bind(file, overrides, new Block.Shared(new Problems()));
  }

  /** Every value of a site. */
  static List<Block.Key> values() {
    Block.Shared shared = new Block.Shared(new Problems());
    bind(Optional.empty(), List.of(), shared);
    return List.copyOf(shared.values);
  }

  private static Site bind(Optional<Path> file, List<String> overrides, Block.Shared shared) {
    ConfigFiles files = new ConfigFiles(shared.problems);
    ConfigObject values =
        file.map(f -> files.read(f, overrides)).orElseGet(() -> files.read(overrides));
    Place place = new Place(file.map(Path::toString).orElse("--set"), 0);
    Block root = Block.root(shared, values, place);
    Site site = site(root);
    root.refuseUnknown();
    shared.problems.throwIfAny();
    return site;
  }

  private static Site site(Block root) {
    boolean offline = root.withDefault("offline", Kind.flag(), false);
    Optional<TrackingSite> tracking = TrackingBinder.bind(root);
    return new Site(
        root.withDefault("store", TEXT, "./retune-store"),
        root.withDefault("cache", TEXT, home().resolve(".cache").resolve("retune").toString()),
        root.optional("master", TEXT),
        root.optional("executors", RecipeBinder.COUNT).map(Long::intValue),
        root.optional("executor-cores", RecipeBinder.COUNT).map(Long::intValue),
        root.withDefault("executor-memory", memory(), DEFAULT_EXECUTOR_MEMORY_MB).intValue(),
        root.optional("lanes", RecipeBinder.COUNT).map(Long::intValue),
        tracking.filter(server -> !offline),
        hub(root),
        root.withDefault("require-success-metrics", Kind.flag(), false),
        offline);
  }

  private static HubSite hub(Block root) {
    Block hub = root.child("hub");
    URI endpoint = hub.withDefault("endpoint", HubSite.SERVER.kind(), HubSite.DEFAULT.endpoint());
    String variable =
        hub.withDefault("token-variable", TrackingBinder.VARIABLE, HubSite.DEFAULT.tokenVariable());
    Optional<Path> file = hub.optional("token-file", TEXT).map(Path::of);
    if (file.isPresent() && hub.has("token-variable")) {
      hub.problem(
          ErrorCode.KEYS_CONFLICT,
          "token-file",
          "is given beside token-variable.",
          "Keep one of them.");
    }
    root.attach("hub", hub, false);
    // What was refused stands as a problem already.
    return new HubSite(
        endpoint.getHost() == null ? HubSite.DEFAULT.endpoint() : endpoint, variable, file);
  }

  private static Path home() {
    return Path.of(System.getProperty("user.home"));
  }

  /** As Spark writes it: {@code 3g}, {@code 3072m}. */
  private static Kind<Long> memory() {
    Pattern form = Pattern.compile("(\\d{1,7})([mMgG])[bB]?");
    return new Kind<>(
        "Expected an amount of memory of at least " + LEAST_EXECUTOR_MEMORY_MB + "m, such as 3g.",
        DEFAULT_EXECUTOR_MEMORY_MB,
        value -> megabytes(value, form));
  }

  private static long megabytes(ConfigValue value, Pattern form) throws Kind.Refusal {
    Matcher matcher = form.matcher(String.valueOf(value.unwrapped()));
    if (value.valueType() != ConfigValueType.STRING || !matcher.matches()) {
      throw new Kind.Refusal(ErrorCode.NOT_AN_AMOUNT, "is no amount of memory");
    }
    long unit = matcher.group(2).equalsIgnoreCase("g") ? 1024 : 1;
    long megabytes = Long.parseLong(matcher.group(1)) * unit;
    if (megabytes < LEAST_EXECUTOR_MEMORY_MB || megabytes > Integer.MAX_VALUE) {
      throw new Kind.Refusal(ErrorCode.OUT_OF_RANGE, "is out of range");
    }
    return megabytes;
  }
}
