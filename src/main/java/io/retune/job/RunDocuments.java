package io.retune.job;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.retune.cluster.DriverEnvironment;
import io.retune.lineage.Environment;
import io.retune.lineage.JournalEntry.Artifact;
import io.retune.lineage.JournalEntry.Declared;
import io.retune.lineage.JournalEntry.Written;
import io.retune.lineage.RunHistory;
import io.retune.lineage.RunMetadata;
import io.retune.model.AdapterFiles;
import io.retune.plan.Plan;
import io.retune.report.RunReport;
import io.retune.store.Json;
import io.retune.store.Sha256;
import io.retune.store.Store;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.apache.hadoop.fs.Path;

/**
 * The files that belong to a run that is over, each with its digest in the journal. One that is in
 * the journal is not written again.
 */
final class RunDocuments {
  static final String SAMPLES = "samples.json";

  private static final String ADAPTER = "adapter";

  private final Store store;
  private final RunFolder folder;
  private final RunHistory history;
  private final List<Artifact> artifacts = new ArrayList<>();

  private RunDocuments(Store store, RunFolder folder) {
    this.store = store;
    this.folder = folder;
    this.history = folder.history();
  }

  /** What the run is and was made of, as it is known now. */
  static void writeMetadata(Store store, RunFolder folder) {
    store.write(
        store.path("runs", folder.run(), "metadata.json"),
        RunMetadata.json(folder.history()).getBytes(UTF_8));
  }

  /** What the code of the driver that takes the run up differs from its commit in. */
  static void writeCode(Store store, RunFolder folder) {
    if (!DriverEnvironment.diff().isEmpty()) {
      RunDocuments documents = new RunDocuments(store, folder);
      documents.add(Environment.diffFile(documents.history.drivers()), DriverEnvironment::diff);
      folder.append(new Written(documents.artifacts));
    }
  }

  /** Writes what is not there yet of a run that is over. */
  static void write(Store store, RunFolder folder) {
    RunDocuments documents = new RunDocuments(store, folder);
    documents.take(ADAPTER + "/" + AdapterFiles.WEIGHTS);
    documents.take(ADAPTER + "/" + AdapterFiles.CONFIG);
    if (store.exists(documents.path(SAMPLES))) {
      documents.take(SAMPLES);
    }
    documents.add("configuration.json", documents::configuration);
    documents.add("plan.json", documents::plan);
    documents.add("metadata.json", () -> RunMetadata.json(documents.history));
    if (!documents.artifacts.isEmpty()) {
      folder.append(new Written(documents.artifacts));
    }
  }

  /** The page, which shows all the others, so it comes behind them; made anew each time. */
  static void writeReport(Workspace workspace, RunFolder folder) {
    Store store = workspace.store();
    RunDocuments documents = new RunDocuments(store, folder);
    store.write(
        documents.path(RunReport.FILE),
        ReportJob.html(workspace, documents.history, RunResult.FINISHED).getBytes(UTF_8));
    Artifact page = documents.artifact(RunReport.FILE);
    if (!page.equals(documents.history.artifacts().get(RunReport.FILE))) {
      folder.append(new Written(List.of(page)));
    }
  }

  private String configuration() {
    Declared declared = history.declared().orElseThrow();
    try {
      return Json.pretty(Json.read(declared.asked().configuration().getBytes(UTF_8))) + "\n";
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private String plan() {
    return Json.pretty(summary(history.declared().orElseThrow().plan(store))) + "\n";
  }

  private static Map<String, Object> summary(Plan plan) {
    Map<String, Object> summary = new LinkedHashMap<>();
    summary.put("key", plan.key());
    summary.put("sha256", plan.root().hex());
    summary.put("manifest_sha256", plan.manifestSha256());
    summary.put("evaluation_sha256", plan.evaluationSha256());
    summary.put("tokens_per_micro_batch", plan.tokensPerMicroBatch());
    summary.put("evaluation_examples", plan.evaluationExamples().size());
    summary.put("steps", plan.steps());
    return summary;
  }

  private void add(String name, Supplier<String> text) {
    if (!history.artifacts().containsKey(name)) {
      store.write(path(name), text.get().getBytes(UTF_8));
      take(name);
    }
  }

  /** A file that is there. */
  private void take(String name) {
    if (!history.artifacts().containsKey(name)) {
      artifacts.add(artifact(name));
    }
  }

  private Artifact artifact(String name) {
    try {
      Path file = path(name);
      return new Artifact(
          name, store.relative(file), Sha256.of(store.local(file)).hex(), store.length(file));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private Path path(String name) {
    return new Path(store.path("runs", folder.run()), name);
  }
}
