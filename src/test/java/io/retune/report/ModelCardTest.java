package io.retune.report;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Optional;
import org.junit.jupiter.api.Test;

/** What the hub reads of a card, by its rules; the rest of one: ExportTest. */
class ModelCardTest {
  private final Runs run = new Runs();

  private String card(String licence) {
    return ModelCard.of(
        run.history(), ModelCard.Form.MERGED, Optional.of(licence), Optional.empty());
  }

  @Test
  void aLicenceIsTheHubsIdForIt() {
    assertThat(card("Apache-2.0"))
        .startsWith("---\nlicense: \"apache-2.0\"\nlibrary_name: transformers\n");
  }

  @Test
  void aLicenceThatTheHubHasNoIdForIsOther() {
    assertThat(card("WordNet 3.0"))
        .startsWith("---\nlicense: other\nlicense_name: \"wordnet-3.0\"\nlibrary_name: ");
  }

  @Test
  void aBaseModelOfTheHubIsNamedAsTheHubNamesIt() {
    run.source = "hf://models/org/name@0123456789abcdef0123456789abcdef01234567!m.gguf";
    assertThat(card("mit"))
        .startsWith("---\nlicense: \"mit\"\nbase_model: \"org/name\"\nlibrary_name: ")
        .contains("A LoRA adapter of rank 16 (alpha 32) on " + run.source + ", ");
  }

  @Test
  void aBaseModelFromElsewhereIsNamedInTheTextAlone() {
    assertThat(card("mit"))
        .doesNotContain("base_model")
        .contains("A LoRA adapter of rank 16 (alpha 32) on pip:model==1!m.gguf, ");
  }
}
