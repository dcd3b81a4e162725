package io.retune.it;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The README's first command. */
class QuickstartTest {
  @TempDir Path store;

  @Test
  void lowersTheHeldOutLossByMoreThanOneNat() {
    JsonNode result =
        RetuneProcess.run("run", "conf/runs/quickstart.conf", "--store", store.toString(), "--json")
            .json();
    JsonNode loss = result.at("/metrics/eval~1loss");
    assertThat(loss.path("before").asDouble()).isBetween(4.0, 5.0);
    assertThat(loss.path("after").asDouble()).isLessThan(loss.path("before").asDouble() - 1);
    assertThat(loss.path("high").asDouble()).isLessThan(-0.9);
    assertThat(loss.path("low").asDouble()).isLessThan(loss.path("high").asDouble());
  }
}
