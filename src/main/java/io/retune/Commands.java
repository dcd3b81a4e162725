package io.retune;

import io.retune.config.ConfigLoader;
import io.retune.config.ErrorCode;
import io.retune.config.Experiment;
import io.retune.config.InvalidInputException;
import io.retune.config.Problem;
import io.retune.config.Site;
import io.retune.config.SiteLoader;
import io.retune.config.SuccessSpec.AtLeast;
import io.retune.job.CheckJob;
import io.retune.job.DataJob;
import io.retune.job.DiffJob;
import io.retune.job.EvaluateJob;
import io.retune.job.ExplainJob;
import io.retune.job.ExportJob;
import io.retune.job.GenerateJob;
import io.retune.job.InitJob;
import io.retune.job.LineageJob;
import io.retune.job.PinJob;
import io.retune.job.RebuildJob;
import io.retune.job.RenderJob;
import io.retune.job.ReportJob;
import io.retune.job.RunJob;
import io.retune.job.ScoreJob;
import io.retune.job.ShowJob;
import io.retune.job.SyncJob;
import io.retune.job.Workspace;
import io.retune.lineage.RowsPrinter.Format;
import io.retune.model.GgufExport;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** The verbs: each reads its arguments and calls one job. */
final class Commands {
  /** Name of the mixin of those verbs that are about the training of a configuration. */
  static final String ASKED = "asked";

  private Commands() {}

  /** Where things are: the same for every verb. */
  static final class Place {
    @Option(
        names = "--store",
        paramLabel = "URI",
        description = "Where everything is kept; ./retune-store unless the site says otherwise.")
    Optional<String> store = Optional.empty();

    @Option(
        names = "--site",
        paramLabel = "FILE",
        description = "Where the run takes place: see jobs/sites/.")
    Optional<Path> site = Optional.empty();

    @Option(
        names = "--set",
        paramLabel = "KEY=VALUE",
        description = "One key of the recipe or of the site; may be repeated.")
    List<String> set = new ArrayList<>();

    @Option(names = "--json", description = "End with one JSON object on stdout.")
    boolean json;

    /** Of a verb that takes no recipe. */
    Site site() {
      List<String> unused = recipeOverrides();
      if (!unused.isEmpty()) {
        throw InvalidInputException.of(
            ErrorCode.BAD_OVERRIDE,
            "--set " + unused.get(0),
            "is no key of the site.",
            "Those are "
                + String.join(", ", SiteLoader.keys())
                + ". A recipe is changed in its file.");
      }
      return SiteLoader.load(site, siteOverrides());
    }

    List<String> siteOverrides() {
      List<String> overrides = new ArrayList<>();
      set.stream().filter(SiteLoader::isSiteKey).forEach(overrides::add);
      store.ifPresent(uri -> overrides.add("store=" + quoted(uri)));
      return overrides;
    }

    List<String> recipeOverrides() {
      return set.stream().filter(o -> !SiteLoader.isSiteKey(o)).toList();
    }

    static String quoted(String text) {
      return io.retune.store.Json.write(text);
    }
  }

  /** A recipe, and the machines it may use. */
  static final class Asked {
    @Mixin Place place;

    @Parameters(index = "0", paramLabel = "CONF", description = "The configuration to run.")
    Path conf;

    @Option(
        names = "--executors",
        paramLabel = "N",
        description = "Executors with one rank each; on one machine, N JVMs of their own.")
    Optional<Integer> executors = Optional.empty();

    @Option(
        names = "--lanes",
        paramLabel = "N",
        description = "Micro-batches computed side by side in a rank; as many as it has cores.")
    Optional<Integer> lanes = Optional.empty();

    @Option(
        names = {"-q", "--quiet"},
        description = "Say nothing on the way but what goes wrong.")
    boolean quiet;

    @Option(names = "--master", paramLabel = "URL", description = "Spark master.")
    Optional<String> master = Optional.empty();

    @Option(
        names = "--message",
        paramLabel = "TEXT",
        description = "What a new dataset version is for.")
    String message = "";

    @Option(
        names = "--version",
        paramLabel = "[NAME=]N",
        description = "Use version N of the dataset instead of what its source holds.")
    List<String> versions = new ArrayList<>();

    /** The recipe and the site, or every problem of both. */
    Loaded load() {
      List<Problem> problems = new ArrayList<>();
      Optional<Experiment> experiment =
          collecting(problems, () -> ConfigLoader.load(conf, recipeOverrides()));
      Optional<Site> site =
          collecting(problems, () -> SiteLoader.load(place.site, siteOverrides()));
      if (!problems.isEmpty()) {
        throw new InvalidInputException(problems);
      }
      return new Loaded(experiment.orElseThrow(), site.orElseThrow());
    }

    private List<String> recipeOverrides() {
      List<String> overrides = new ArrayList<>(place.recipeOverrides());
      for (String version : versions) {
        int equals = version.indexOf('=');
        String name = equals < 0 ? onlyDataset() : version.substring(0, equals);
        overrides.add("data.datasets." + name + ".version=" + version.substring(equals + 1));
      }
      return overrides;
    }

    private String onlyDataset() {
      Set<String> names =
          ConfigLoader.load(conf, place.recipeOverrides()).recipe().data().datasets().keySet();
      if (names.size() != 1) {
        throw InvalidInputException.of(
            ErrorCode.BAD_ARGUMENT,
            "--version",
            "says not which of the datasets " + String.join(", ", names) + " it is about.",
            "Write --version NAME=N.");
      }
      return names.iterator().next();
    }

    private List<String> siteOverrides() {
      List<String> overrides = place.siteOverrides();
      executors.ifPresent(n -> overrides.add("executors=" + n));
      lanes.ifPresent(n -> overrides.add("lanes=" + n));
      master.ifPresent(url -> overrides.add("master=" + Place.quoted(url)));
      return overrides;
    }

    private static <T> Optional<T> collecting(List<Problem> problems, Callable<T> load) {
      try {
        return Optional.of(load.call());
      } catch (InvalidInputException e) {
        problems.addAll(e.problems());
        return Optional.empty();
      } catch (RuntimeException e) {
        throw e;
      } catch (Exception e) {
        throw new IllegalStateException(e);
      }
    }
  }

  record Loaded(Experiment experiment, Site site) {}

  /** What a retry is recognised by. */
  static final class Request {
    @Option(
        names = "--request",
        paramLabel = "ID",
        description = "The same ID is the same run: a retry continues it.")
    Optional<String> id = Optional.empty();
  }

  @Command(
      name = "init",
      description =
          "A commented configuration for your own data: looks at the file, asks nothing, overwrites"
              + " nothing.")
  static final class Init implements Callable<Integer> {
    @Mixin Place place;

    @Parameters(
        index = "0",
        paramLabel = "DIR",
        description = "Where it goes: DIR/conf/runs/NAME.conf, named as the data.")
    Path directory;

    @Option(
        names = "--data",
        paramLabel = "FILE",
        required = true,
        description =
            "JSON lines, .csv, .parquet (chats, questions and answers, texts), or .txt; .gz and"
                + " .zst too.")
    Path data;

    @Option(
        names = "--model",
        paramLabel = "SOURCE",
        description =
            "A Hugging Face directory, a GGUF file or a source; the quickstart's model unless"
                + " said.")
    Optional<String> model = Optional.empty();

    @Override
    public Integer call() {
      Site site = place.site();
      try (Workspace workspace = Workspace.withoutStore(site, false)) {
        new InitJob(workspace).execute(directory, data, model, place.json);
      }
      return 0;
    }
  }

  @Command(
      name = "run",
      description = "Ingest, prepare, plan, fine-tune, evaluate, record and export.")
  static final class Run implements Callable<Integer> {
    @Mixin(name = ASKED)
    Asked asked;

    @Mixin Request request;

    @Override
    public Integer call() {
      Loaded loaded = asked.load();
      try (Workspace workspace = Workspace.open(loaded.site(), asked.quiet)) {
        new RunJob(workspace, loaded.experiment(), request.id, asked.message)
            .execute(asked.place.json);
      }
      return 0;
    }
  }

  @Command(
      name = "finetune",
      description =
          "The same as run: what is ingested, prepared and planned already is not done again.")
  static final class Finetune implements Callable<Integer> {
    @Mixin(name = ASKED)
    Asked asked;

    @Mixin Request request;

    @Override
    public Integer call() {
      Run run = new Run();
      run.asked = asked;
      run.request = request;
      return run.call();
    }
  }

  @Command(
      name = "evaluate",
      description =
          "Score the frozen split with a finished run's weights once more: EQUAL to what the run"
              + " recorded, or exit code 4.")
  static final class Evaluate implements Callable<Integer> {
    @Mixin Asked asked;

    @Option(
        names = "--request",
        paramLabel = "ID",
        required = true,
        description = "Of the run: what it was asked for with.")
    String request;

    @Option(
        names = "--require",
        paramLabel = "VERDICT",
        description = "Exit code 4 unless the run is so: ${COMPLETION-CANDIDATES}.")
    Optional<AtLeast> required = Optional.empty();

    @Override
    public Integer call() {
      Loaded loaded = asked.load();
      try (Workspace workspace = Workspace.open(loaded.site(), asked.quiet)) {
        new EvaluateJob(workspace, loaded.experiment(), request)
            .execute(required, asked.place.json);
      }
      return 0;
    }
  }

  @Command(
      name = "check",
      description =
          "Every problem of a configuration, its data and its model at once; then what a run of it"
              + " would be. Trains nothing.")
  static final class Check implements Callable<Integer> {
    @Mixin(name = ASKED)
    Asked asked;

    @Option(
        names = "--fast",
        description = "Only the configuration as it is written: nothing is fetched or started.")
    boolean fast;

    @Option(
        names = "--texts",
        description = "Show examples of data that is not public too, where nobody watches as well.")
    boolean showTexts;

    @Override
    public Integer call() {
      Loaded loaded = asked.load();
      CheckJob job =
          new CheckJob(
              loaded.experiment(), showTexts ? CheckJob.Texts.SHOWN : CheckJob.Texts.TO_WATCHERS);
      if (fast) {
        job.configuration(asked.place.json);
      } else {
        job.dryRun(loaded.site(), asked.place.json);
      }
      return 0;
    }
  }

  @Command(
      name = "pin",
      description =
          "Write the digests, commits and versions that a configuration's sources have now into it.")
  static final class Pin implements Callable<Integer> {
    @Mixin Place place;

    @Parameters(index = "0", paramLabel = "CONF", description = "The configuration to write to.")
    Path conf;

    @Option(names = "--check", description = "Only say what would be written.")
    boolean check;

    @Override
    public Integer call() {
      Site site = place.site();
      try (Workspace workspace = Workspace.withoutStore(site, false)) {
        new PinJob(workspace, conf)
            .execute(check ? PinJob.Then.SAY : PinJob.Then.WRITE, place.json);
      }
      return 0;
    }
  }

  /** One arrow of the data's way, and those before it. */
  abstract static class DataVerb implements Callable<Integer> {
    @Mixin(name = ASKED)
    Asked asked;

    abstract DataJob.Until until();

    @Override
    public Integer call() {
      Loaded loaded = asked.load();
      try (Workspace workspace = Workspace.open(loaded.site(), asked.quiet)) {
        new DataJob(workspace, loaded.experiment(), asked.message)
            .execute(until(), datasets(), asked.place.json);
      }
      return 0;
    }

    /** Those it is about; empty: all. */
    Set<String> datasets() {
      return Set.of();
    }
  }

  @Command(
      name = "ingest",
      description = "Bring the recipe's datasets into the store, a version per change.")
  static final class Ingest extends DataVerb {
    @Option(
        names = "--dataset",
        paramLabel = "NAME",
        description = "Only this one of the configuration's datasets; may be repeated.")
    Set<String> datasets = new TreeSet<>();

    @Override
    DataJob.Until until() {
      return DataJob.Until.INGESTED;
    }

    @Override
    Set<String> datasets() {
      return datasets;
    }
  }

  @Command(
      name = "prepare",
      description = "Ingest, and turn rows into examples: a frozen snapshot.")
  static final class Prepare extends DataVerb {
    @Override
    DataJob.Until until() {
      return DataJob.Until.PREPARED;
    }
  }

  @Command(
      name = "plan",
      description = "Ingest, prepare, and decide which example is in which step.")
  static final class Plan extends DataVerb {
    @Override
    DataJob.Until until() {
      return DataJob.Until.PLANNED;
    }
  }

  @Command(name = "runs", description = "The runs of the store, newest first.")
  static final class Runs implements Callable<Integer> {
    @Mixin Place place;

    @Option(
        names = "--html",
        paramLabel = "FILE",
        description = "Write them as a page instead, with links to the runs' own pages.")
    Optional<Path> html = Optional.empty();

    @Override
    public Integer call() {
      try (Workspace workspace = open(place)) {
        ShowJob job = new ShowJob(workspace);
        html.ifPresentOrElse(job::page, () -> job.runs(place.json));
      }
      return 0;
    }
  }

  @Command(
      name = "status",
      description = "The runs that are being worked on, and how far they are.")
  static final class Status implements Callable<Integer> {
    @Mixin Place place;

    @Override
    public Integer call() {
      try (Workspace workspace = open(place)) {
        new ShowJob(workspace).status(place.json);
      }
      return 0;
    }
  }

  @Command(name = "show", description = "What a run did.")
  static final class Show implements Callable<Integer> {
    @Mixin Place place;

    @Parameters(index = "0", paramLabel = "RUN", description = "A run, or the start of its name.")
    String run;

    @Override
    public Integer call() {
      try (Workspace workspace = open(place)) {
        new ShowJob(workspace).show(run, place.json);
      }
      return 0;
    }
  }

  @Command(name = "generate", description = "What a finished run's model answers to a message.")
  static final class Generate implements Callable<Integer> {
    @Mixin Place place;

    @Parameters(index = "0", paramLabel = "RUN", description = "A run, or the start of its name.")
    String run;

    @Parameters(index = "1", paramLabel = "PROMPT", description = "A user's message.")
    String prompt;

    @Option(
        names = "--before",
        description = "And, before it, what the untouched base model answers.")
    boolean before;

    @Option(
        names = "--max-tokens",
        paramLabel = "N",
        description = "Longest answer, in tokens; ${DEFAULT-VALUE} unless said.")
    int maxTokens = 128;

    @Override
    public Integer call() {
      try (Workspace workspace = open(place)) {
        GenerateJob job = new GenerateJob(workspace, run, prompt, maxTokens);
        if (before) {
          job.printBoth(place.json);
        } else {
          job.print(place.json);
        }
      }
      return 0;
    }
  }

  @Command(
      name = "report",
      description =
          "The page of a run: its verdict, curves, examples, data, and how to make it again.")
  static final class Report implements Callable<Integer> {
    @Mixin Place place;

    @Parameters(index = "0", paramLabel = "RUN", description = "A run, or the start of its name.")
    String run;

    @Option(
        names = "--out",
        paramLabel = "FILE",
        description =
            "Where to write it; runs/RUN/report.html in the store, if no driver works on the run.")
    Optional<Path> out = Optional.empty();

    @Override
    public Integer call() {
      try (Workspace workspace = open(place)) {
        new ReportJob(workspace).execute(run, out, place.json);
      }
      return 0;
    }
  }

  @Command(
      name = "lineage",
      description = "A named query over the lineage tables; without a name, the list of them.")
  static final class Lineage implements Callable<Integer> {
    @Mixin Place place;

    @Parameters(index = "0", arity = "0..1", paramLabel = "NAME", description = "The query.")
    Optional<String> name = Optional.empty();

    @Parameters(index = "1..*", paramLabel = "KEY=VALUE", description = "Its parameters.")
    Map<String, String> parameters = new LinkedHashMap<>();

    @Mixin Rows rows;

    @Override
    public Integer call() {
      try (Workspace workspace = open(place)) {
        new LineageJob(workspace).execute(name, parameters, rows.format(place));
      }
      return 0;
    }
  }

  /** How rows are written. */
  static final class Rows {
    @Option(
        names = "--format",
        paramLabel = "FORMAT",
        description = "table, csv or json; --json is the last.")
    Optional<Format> format = Optional.empty();

    Format format(Place place) {
      return format.orElse(place.json ? Format.JSON : Format.TABLE);
    }
  }

  @Command(
      name = "sql",
      description = "Spark SQL over the lineage tables and views: see lineage/tables and views.")
  static final class Sql implements Callable<Integer> {
    @Mixin Place place;
    @Mixin Rows rows;

    @Parameters(index = "0", paramLabel = "QUERY", description = "Such as 'SELECT * FROM runs'.")
    String query;

    @Override
    public Integer call() {
      try (Workspace workspace = open(place)) {
        new LineageJob(workspace).sql(query, rows.format(place));
      }
      return 0;
    }
  }

  @Command(
      name = "sync",
      description = "Send the tracking server what it has not yet acknowledged.")
  static final class Sync implements Callable<Integer> {
    @Mixin Place place;

    @Parameters(
        index = "0",
        arity = "0..1",
        paramLabel = "RUN",
        description = "A run, or the start of its name; without it, all.")
    Optional<String> run = Optional.empty();

    @Override
    public Integer call() {
      try (Workspace workspace = open(place)) {
        new SyncJob(workspace).execute(run, place.json);
      }
      return 0;
    }
  }

  @Command(
      name = "rebuild",
      description =
          "Hold a run's journal, files and tables against each other, and make its tables whole.")
  static final class Rebuild implements Callable<Integer> {
    @Mixin Place place;

    @Parameters(index = "0", paramLabel = "RUN", description = "A run, or the start of its name.")
    String run;

    @Option(
        names = "--repair",
        description =
            "Put the recorded rows in the place of rows that are not from the record; Delta keeps"
                + " the tables as they are as older versions.")
    boolean repair;

    @Override
    public Integer call() {
      try (Workspace workspace = open(place)) {
        new RebuildJob(workspace).execute(run, repair, place.json);
      }
      return 0;
    }
  }

  @Command(
      name = "diff",
      description = "In what two runs, or configurations that have not run, differ.")
  static final class Diff implements Callable<Integer> {
    @Mixin Place place;

    @Parameters(
        index = "0",
        paramLabel = "A",
        description = "A run, the start of its name, or a configuration's file.")
    String one;

    @Parameters(
        index = "1",
        arity = "0..1",
        paramLabel = "B",
        description =
            "Another; left out: A, a configuration's file, is held against what it extends.")
    Optional<String> other = Optional.empty();

    @Option(
        names = "--intended",
        paramLabel = "KEY",
        split = ",",
        description =
            "What was meant to differ: keys or blocks of the configuration; model, data, order,"
                + " code, numerics. If anything else does, the exit code is 4.")
    Set<String> intended = new TreeSet<>();

    @Override
    public Integer call() {
      Site site = place.site();
      try (Workspace workspace = Workspace.looking(site)) {
        new DiffJob(workspace).execute(one, other, intended, place.json);
      }
      return 0;
    }
  }

  @Command(name = "export", description = "A finished run's model for others, with a model card.")
  static final class Export implements Callable<Integer> {
    @Mixin Place place;

    @Parameters(index = "0", paramLabel = "RUN", description = "A run, or the start of its name.")
    String run;

    @Option(
        names = "--to",
        paramLabel = "DIR",
        required = true,
        description = "A folder that is not there yet.")
    Path to;

    @ArgGroup Form form = new Form();

    /** Of these one; none: the adapter alone. */
    static final class Form {
      @Option(
          names = "--merged",
          description = "The adapter added to the model's weights: a Hugging Face directory.")
      boolean merged;

      @Option(
          names = "--gguf",
          paramLabel = "TYPE",
          description = "The same as a GGUF file for llama.cpp: ${COMPLETION-CANDIDATES}.")
      Optional<GgufExport.Precision> gguf = Optional.empty();
    }

    @Option(
        names = "--licence",
        paramLabel = "ID",
        description = "Of the exported model; model.licence of the configuration unless said.")
    Optional<String> licence = Optional.empty();

    @Option(
        names = "--use",
        paramLabel = "TEXT",
        description = "What the model is for; the configuration's description unless said.")
    Optional<String> use = Optional.empty();

    @Override
    public Integer call() {
      try (Workspace workspace = open(place)) {
        ExportJob job = new ExportJob(workspace);
        ExportJob.Card card = new ExportJob.Card(licence, use);
        if (form.merged) {
          job.merged(run, to, card, place.json);
        } else if (form.gguf.isPresent()) {
          job.gguf(run, to, form.gguf.get(), card, place.json);
        } else {
          job.adapter(run, to, card, place.json);
        }
      }
      return 0;
    }
  }

  @Command(
      name = "score",
      description =
          "How well a model predicts given examples: the loss of each, and by tensor the norm of"
              + " the gradient.")
  static final class Score implements Callable<Integer> {
    @Mixin Place place;

    @Parameters(
        index = "0",
        paramLabel = "MODEL",
        description = "A Hugging Face directory, a model of the store by its digest, or a source.")
    String model;

    @Option(
        names = "--data",
        paramLabel = "FILE",
        required = true,
        description =
            "An object a line: text; or messages; or input_ids and labels (-100: no target).")
    Path data;

    @Option(
        names = "--adapter",
        paramLabel = "DIR",
        description = "An adapter of that model, as PEFT saves it.")
    Optional<Path> adapter = Optional.empty();

    @Option(
        names = "--grads",
        paramLabel = "FILE",
        description = "Where to write the L2 norm of the mean loss's gradient by tensor.")
    Optional<Path> grads = Optional.empty();

    @Override
    public Integer call() {
      Site site = place.site();
      try (Workspace workspace = Workspace.withoutStore(site, false)) {
        new ScoreJob(workspace).execute(model, data, adapter, grads, place.json);
      }
      return 0;
    }
  }

  @Command(
      name = "render",
      description =
          "What a model reads of given chats: the text, its tokens, and which of them are trained.")
  static final class Render implements Callable<Integer> {
    @Mixin Place place;

    @Parameters(
        index = "0",
        paramLabel = "MODEL",
        description =
            "A directory with tokenizer and chat template, a model of the store by its digest, or"
                + " a source.")
    String model;

    @Option(
        names = "--data",
        paramLabel = "FILE",
        required = true,
        description = "An object a line: messages, and perhaps tools.")
    Path data;

    @Option(
        names = "--generation-prompt",
        description = "With the beginning of the next answer, as the model is prompted for it.")
    boolean generationPrompt;

    @Override
    public Integer call() {
      Site site = place.site();
      try (Workspace workspace = Workspace.withoutStore(site, false)) {
        new RenderJob(workspace)
            .execute(
                model,
                data,
                generationPrompt ? RenderJob.End.GENERATION_PROMPT : RenderJob.End.OF_THE_CHAT,
                place.json);
      }
      return 0;
    }
  }

  @Command(
      name = "explain",
      description =
          "What a word in brackets behind an error message means, and what to do; without a CODE,"
              + " all of them.")
  static final class Explain implements Callable<Integer> {
    @Option(names = "--json", description = "End with one JSON object on stdout.")
    boolean json;

    @Parameters(
        arity = "0..*",
        paramLabel = "CODE",
        description = "Such as unknown-key; or the start of one.")
    List<String> codes = new ArrayList<>();

    @Override
    public Integer call() {
      ExplainJob job = new ExplainJob();
      if (codes.isEmpty()) {
        job.list(json);
      } else {
        job.explain(codes, json);
      }
      return 0;
    }
  }

  private static Workspace open(Place place) {
    return Workspace.existing(place.site());
  }
}
