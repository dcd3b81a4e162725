package io.retune.config;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class FingerprintTest {
  @TempDir Path folder;

  @Test
  void itIsTheDigestOfTheCanonicalJsonWithDefaultsElided() throws IOException {
    Experiment experiment = load(ConfigLoaderTest.SMALLEST);
    assertThat(experiment.canonicalJson())
        .isEqualTo(
            ("{'data':{'datasets':{'lines':{'format':'text','licence':'CC0-1.0','privacy':'public',"
                    + "'sha256':'0','source':'file:lines.txt'}},'prepare':[{'name':'held-out','split':"
                    + "{'by':'text','evaluation':0.1,'seed':7}},{'name':'chat','render':[{'content':"
                    + "'${text}','role':'assistant','train':true}]}]},'model':{'sha256':'0','source':"
                    + "'file:model.gguf'},'order':{'micro-batches':8,'steps':4,"
                    + "'tokens-per-micro-batch':128}}")
                .replace("'0'", "'" + "0".repeat(64) + "'")
                .replace('\'', '"'));
    assertThat(experiment.fingerprint())
        .isEqualTo(CanonicalJson.sha256(experiment.canonicalJson()));
  }

  @Test
  void whatChangesNoWeightChangesNoFingerprint() throws IOException {
    String fingerprint = load(ConfigLoaderTest.SMALLEST).fingerprint();
    String defaults =
        """
        # every default, written out
        order { seed = 42, accumulate = 1, pack = true }
        train {
          seed = 42, precision = float32, clip-norm = 1, evaluate-every = 0, checkpoint-every = 100 steps
          method { lora { rank = 16, alpha = 32.0, targets = [down_proj, q_proj, k_proj, v_proj, o_proj, up_proj, gate_proj] } }
          optimizer { adamw { lr = 0.0002, betas = [0.9, 0.999], eps = 1e-8, weight-decay = 0 } }
          schedule { constant { warmup-steps = 0 } }
        }
        evaluation { split = held-out, prompts = [Hi, "Ho?"], max-new-tokens = 7, bootstrap { resamples = 1000, seed = 1, confidence = 0.95 } }
        data.datasets.lines { key = [], prepare = [], show-texts = true }
        description = "another", name = other
        why { "order.seed" = "the answer" }
        """;
    assertThat(load(ConfigLoaderTest.SMALLEST.replace("key = [], ", "") + defaults).fingerprint())
        .isEqualTo(fingerprint);
    assertThat(load(defaults + ConfigLoaderTest.SMALLEST).fingerprint()).isEqualTo(fingerprint);

    Files.writeString(folder.resolve("all.conf"), ConfigLoaderTest.SMALLEST);
    assertThat(load("include \"all.conf\"").fingerprint()).isEqualTo(fingerprint);
  }

  @Test
  void everyKeyOfTheRecipeChangesIt() throws IOException {
    List<String> changes =
        List.of(
            "model.source=file:x",
            "model.sha256=" + "1".repeat(64),
            "data.datasets.lines.source=file:x",
            "data.datasets.lines.sha256=" + "1".repeat(64),
            "data.datasets.lines.format=jsonl",
            "data.datasets.lines.version=1",
            "data.datasets.lines.key=[text]",
            "data.datasets.lines.licence=MIT",
            "data.datasets.lines.privacy=personal",
            "data.datasets.lines.prepare=[{name=a,where=b}]",
            "data.datasets.lines.prepare=[{name=a,select{b=c}}]",
            "data.datasets.lines.prepare=[{name=a,explode{column=b,of=c}}]",
            "data.datasets.lines.prepare=[{name=a,dedup=[b]}]",
            "data.datasets.lines.prepare=[{name=a,sample{keep=1,by=b,seed=1}}]",
            "order.seed=1",
            "order.steps=5",
            "order.micro-batches=4",
            "order.accumulate=2",
            "order.tokens-per-micro-batch=256",
            "order.pack=false",
            "train.seed=1",
            "train.method.lora.rank=8",
            "train.method.lora.alpha=16",
            "train.method.lora.targets=[q_proj]",
            "train.optimizer.adamw.lr=1e-4",
            "train.optimizer.adamw.betas=[0.9, 0.99]",
            "train.optimizer.adamw.eps=1e-7",
            "train.optimizer.adamw.weight-decay=0.1",
            "train.schedule.linear={}",
            "train.schedule.cosine={}",
            "train.schedule.constant.warmup-steps=1",
            "train.clip-norm=2",
            "train.evaluate-every=1",
            "train.checkpoint-every=1",
            "evaluation.bootstrap.resamples=100",
            "evaluation.bootstrap.seed=2",
            "evaluation.bootstrap.confidence=0.9");
    Set<String> fingerprints = new HashSet<>();
    fingerprints.add(load(ConfigLoaderTest.SMALLEST).fingerprint());
    for (String change : changes) {
      assertThat(fingerprints.add(load(ConfigLoaderTest.SMALLEST, change).fingerprint()))
          .as(change)
          .isTrue();
    }
  }

  @Test
  @SuppressWarnings("FloatingPointLiteralPrecision") // the appendix writes them so
  void numbersAreWrittenAsEcmaScriptWritesThem() {
    // RFC 8785, appendix B.
    assertThat(CanonicalJson.number(0.0)).isEqualTo("0");
    assertThat(CanonicalJson.number(Double.MIN_VALUE)).isEqualTo("5e-324");
    assertThat(CanonicalJson.number(Double.MAX_VALUE)).isEqualTo("1.7976931348623157e+308");
    assertThat(CanonicalJson.number(9007199254740992.0)).isEqualTo("9007199254740992");
    assertThat(CanonicalJson.number(1e21)).isEqualTo("1e+21");
    assertThat(CanonicalJson.number(9.999999999999997e22)).isEqualTo("9.999999999999997e+22");
    assertThat(CanonicalJson.number(1e23)).isEqualTo("1e+23");
    assertThat(CanonicalJson.number(9.999999999999997e20)).isEqualTo("999999999999999700000");
    assertThat(CanonicalJson.number(333333333.3333332)).isEqualTo("333333333.3333332");
    assertThat(CanonicalJson.number(0.000001)).isEqualTo("0.000001");
    assertThat(CanonicalJson.number(1e-7)).isEqualTo("1e-7");
    assertThat(CanonicalJson.number(-0.0000033333333333333333))
        .isEqualTo("-0.0000033333333333333333");
  }

  @Test
  void textIsEscapedOnlyWhereItMustBe() {
    assertThat(CanonicalJson.write("\u20ac$\u000f\nA'B\"\\/"))
        .isEqualTo("\"\u20ac$\\u000f\\nA'B\\\"\\\\/\"");
  }

  private Experiment load(String text, String... overrides) throws IOException {
    Path file = Files.writeString(folder.resolve("run.conf"), text);
    return ConfigLoader.load(file, List.of(overrides));
  }
}
