package io.retune.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import io.retune.config.CheckDoesNotHoldException;
import io.retune.config.ConfigLoader;
import io.retune.config.HubSite;
import io.retune.config.InvalidInputException;
import io.retune.config.Recipe;
import io.retune.config.SiteForTests;
import io.retune.dataset.SparkForTests;
import io.retune.store.HubServer;
import io.retune.store.Sha256;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PinJobTest {
  private static final String UNPINNED =
      """
      name = tiny     # everything but what pins it
      model { source = "hf://models/org/name@main!model.gguf", licence = none }
      data {
        datasets {
          lines { source = "file:%1$s/lines.csv", format = csv, licence = CC0-1.0, privacy = public }
          rows {
            source = "delta:%1$s/table"   # somebody else's
            licence = CC0-1.0
            privacy = public
          }
        }
        prepare = [
          { name = held-out, split = { evaluation = 0.1, by = text, seed = 7 } }
          { name = chat, render = [ { role = assistant, content = "${text}", train = true } ] }
        ]
      }
      order { steps = 4, micro-batches = 8, tokens-per-micro-batch = 128 }
      """;

  @TempDir Path folder;

  private final HubServer hub = new HubServer().with("org/name/model.gguf", "weights");

  @AfterEach
  void stop() {
    hub.close();
  }

  // The session is the one of all tests, so the workspace is not closed.
  private Workspace workspace(boolean offline) {
    return Workspace.withoutStore(
        SiteForTests.of(
            folder.resolve("store").toString(),
            folder.resolve("cache").toString(),
            new HubSite(hub.uri(), "RETUNE_TEST_TOKEN", Optional.empty()),
            offline),
        true);
  }

  private Path unpinned() throws IOException {
    Files.writeString(folder.resolve("lines.csv"), "text\na\n");
    SparkForTests.session()
        .sql("SELECT 'a' AS text")
        .write()
        .format("delta")
        .save(folder.resolve("table").toString());
    return Files.writeString(
        folder.resolve("run.conf"), UNPINNED.replace("%1$s", folder.toString()));
  }

  @Test
  void aConfigurationIsPinnedInPlaceAndThenLoads() throws IOException {
    Path conf = unpinned();
    String before = Files.readString(conf);

    assertThat(
            catchThrowableOfType(
                CheckDoesNotHoldException.class,
                () -> new PinJob(workspace(false), conf).execute(PinJob.Then.SAY, false)))
        .hasMessage(
            conf
                + ": does not pin all of its sources. [not-all-pinned]\n  ./retune pin "
                + conf
                + " writes them in.");
    assertThat(Files.readString(conf)).isEqualTo(before);

    new PinJob(workspace(false), conf).execute(PinJob.Then.WRITE, false);
    Recipe recipe = ConfigLoader.load(conf, List.of()).recipe();
    String rows = recipe.data().datasets().get("rows").origin().sha256();
    assertThat(Files.readString(conf))
        .isEqualTo(
            before
                .replace(
                    "@main!model.gguf\"",
                    "@" + HubServer.COMMIT + "!model.gguf\", sha256 = " + Sha256.of("weights"))
                .replace("lines.csv\"", "lines.csv\", sha256 = " + Sha256.of("text\na\n"))
                .replace(
                    "table\"   # somebody else's",
                    "table@0\"   # somebody else's\n      sha256 = " + rows));
    assertThat(rows).isNotEqualTo("0".repeat(64));

    new PinJob(workspace(false), conf).execute(PinJob.Then.SAY, false);
  }

  @Test
  void whatCannotBePinnedIsSaidAndTheRestIsWritten() throws IOException {
    Path conf = unpinned();
    InvalidInputException problems =
        catchThrowableOfType(
            InvalidInputException.class,
            () -> new PinJob(workspace(true), conf).execute(PinJob.Then.WRITE, false));
    assertThat(problems)
        .hasMessage(
            conf
                + ":2: \"hf://models/org/name@main!model.gguf\" is not in the cache "
                + folder.resolve("cache")
                + ", and this site is offline. [offline]\n  Give a file:, or --set offline=false.");
    assertThat(Files.readString(conf)).contains("sha256 = " + Sha256.of("text\na\n"), "table@0\"");
  }
}
