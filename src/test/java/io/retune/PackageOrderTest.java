package io.retune;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.util.List;
import org.junit.jupiter.api.Test;

class PackageOrderTest {
  /** Each imports only those before it. */
  private static final List<String> ORDER =
      List.of(
          "config",
          "store",
          "text",
          "dataset",
          "plan",
          "model",
          "engine",
          "collective",
          "train",
          "evaluate",
          "lineage",
          "report",
          "tracking",
          "cluster",
          "init",
          "job");

  private final JavaClasses classes =
      new ClassFileImporter()
          .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
          .importPackages("io.retune", "ai.djl.pytorch.jni");

  @Test
  void noPackageImportsUpward() {
    for (int i = 0; i < ORDER.size(); i++) {
      String[] above =
          ORDER.subList(i + 1, ORDER.size()).stream()
              .map(name -> "io.retune." + name + "..")
              .toArray(String[]::new);
      if (above.length > 0) {
        noClasses()
            .that(resideInAPackage("io.retune." + ORDER.get(i) + ".."))
            .should()
            .dependOnClassesThat(resideInAnyPackage(above))
            .allowEmptyShould(true)
            .check(classes);
      }
    }
  }

  @Test
  void onlyTheRootKnowsTheCommandLine() {
    noClasses()
        .that()
        .resideInAnyPackage(ORDER.stream().map(n -> "io.retune." + n + "..").toArray(String[]::new))
        .should()
        .dependOnClassesThat()
        .resideInAPackage("picocli..")
        .check(classes);
  }

  @Test
  void whatRunsOnRanksKnowsNoSpark() {
    noClasses()
        .that()
        .resideInAnyPackage(
            "io.retune.config..",
            "io.retune.store..",
            "io.retune.text..",
            "io.retune.model..",
            "io.retune.engine..",
            "io.retune.collective..",
            "io.retune.train..",
            "io.retune.evaluate..")
        .should()
        .dependOnClassesThat()
        .resideInAPackage("org.apache.spark..")
        .check(classes);
  }
}
