package io.retune.cluster;

import io.retune.config.Secrets;
import io.retune.lineage.Environment;
import io.retune.store.Sha256;
import io.retune.train.Machine;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.net.URISyntaxException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.apache.spark.sql.SparkSession;

/** What this driver is, for the record. */
public final class DriverEnvironment {
  private static final String UNKNOWN = "unknown";

  /** What decides how a job runs; all else may hold anything. */
  private static final Pattern RECORDED =
      Pattern.compile(
          "spark\\.(master|app\\.name|submit\\.deployMode|serializer|default\\.parallelism"
              + "|executor\\.(instances|cores|memory|memoryOverhead|resource\\..*)"
              + "|driver\\.(cores|memory|memoryOverhead)"
              + "|(sql|delta|databricks\\.delta|task|scheduler|barrier|dynamicAllocation|locality|memory|shuffle|stage|speculation)(\\..*)?)");

  /** What a catalog takes is its own affair: an address with a user and a password, perhaps. */
  private static final Pattern CATALOG_OPTION = Pattern.compile("spark\\.sql\\.catalog\\..+\\..+");

  private DriverEnvironment() {}

  public static Environment probe(SparkSession spark) {
    return new Environment(
        code(),
        System.getProperty("user.name", UNKNOWN),
        System.getProperty("java.version") + " " + System.getProperty("java.vendor"),
        jvmFlags(),
        Machine.probe(),
        settings(spark),
        libraries());
  }

  private static Environment.Code code() {
    String diff = diff();
    return new Environment.Code(
        built("version"),
        built("commit"),
        built("branch"),
        diff.isEmpty() ? "" : Sha256.of(diff).hex(),
        programSha256());
  }

  /**
   * What the program's files differed in from their commit when they were built, as {@code git
   * diff} says it; empty: in nothing.
   */
  public static String diff() {
    return resource("diff.patch");
  }

  private static String built(String name) {
    String value = resource(name).strip();
    return value.isEmpty() ? UNKNOWN : value;
  }

  /** What the build left about itself; empty when it left nothing. */
  private static String resource(String name) {
    try (InputStream in = DriverEnvironment.class.getResourceAsStream("/io/retune/built/" + name)) {
      return in == null ? "" : new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String programSha256() {
    try {
      Path program =
          Path.of(
              DriverEnvironment.class.getProtectionDomain().getCodeSource().getLocation().toURI());
      return (Files.isDirectory(program) ? folderSha256(program) : Sha256.of(program)).hex();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  private static Sha256 folderSha256(Path folder) throws IOException {
    SortedMap<String, Sha256> manifest = new TreeMap<>();
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        manifest.put(folder.relativize(file).toString(), Sha256.of(file));
      }
    }
    return Sha256.ofManifest(manifest);
  }

  /** Of {@code -Dname=value} the name: its value may be anything. */
  private static List<String> jvmFlags() {
    return ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
        .map(flag -> flag.startsWith("-D") ? flag.split("=", 2)[0] : flag)
        .map(Secrets::hide)
        .toList();
  }

  private static SortedMap<String, String> settings(SparkSession spark) {
    SortedMap<String, String> settings = new TreeMap<>();
    for (scala.Tuple2<String, String> setting : spark.sparkContext().getConf().getAll()) {
      String name = setting._1();
      if (RECORDED.matcher(name).matches()
          && !CATALOG_OPTION.matcher(name).matches()
          && !Secrets.isSecret(name)) {
        settings.put(name, Secrets.hideQueries(setting._2()));
      }
    }
    return settings;
  }

  private static List<String> libraries() {
    return Arrays.stream(System.getProperty("java.class.path").split(java.io.File.pathSeparator))
        .filter(entry -> entry.endsWith(".jar"))
        .map(entry -> Path.of(entry).getFileName().toString())
        .sorted()
        .distinct()
        .toList();
  }
}
