package io.retune.config;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.URI;
import java.time.Duration;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TrackingSiteTest {
  private static TrackingSite site(
      String uri, Optional<String> proxy, Optional<String> alias, Duration patience) {
    return new TrackingSite(
        URI.create(uri),
        Optional.empty(),
        Optional.empty(),
        alias,
        Optional.empty(),
        Optional.empty(),
        proxy.map(URI::create),
        TrackingSite.DEFAULT_CONNECT_TIMEOUT,
        TrackingSite.DEFAULT_REQUEST_TIMEOUT,
        patience);
  }

  private static TrackingSite site(String uri) {
    return site(uri, Optional.empty(), Optional.empty(), TrackingSite.DEFAULT_PATIENCE);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "https://ann:s3cr3t@mlflow.example",
        "https://s3cr3t@mlflow.example",
        "https://ann:s3cr3t@under_score:5000"
      })
  void aPasswordInAnAddressIsRefusedAndNotRepeated(String uri) {
    assertThatThrownBy(() -> site(uri))
        .isInstanceOf(InvalidInputException.class)
        .hasMessage(
            "tracking.mlflow.uri: holds a user name or a password. [secret-inline]\n  Expected http://host:port, without user, password or query; credentials have keys of their own.");
  }

  @Test
  void aPasswordInTheProxysAddressIsRefusedToo() {
    assertThatThrownBy(
            () ->
                site(
                    "http://mlflow.example",
                    Optional.of("http://ann:s3cr3t@proxy:3128"),
                    Optional.empty(),
                    TrackingSite.DEFAULT_PATIENCE))
        .hasMessageStartingWith("tracking.mlflow.proxy: holds a user name")
        .hasMessageNotContaining("s3cr3t");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"ftp://a", "mlflow.example:5000", "http://a?token=s3cr3t", "/a", "http:a"})
  void whatIsNoServersAddressIsRefused(String uri) {
    assertThatThrownBy(() -> site(uri))
        .isInstanceOf(InvalidInputException.class)
        .hasMessageContaining(
            "is no address of a server. [not-an-address]\n  Expected http://host:port")
        .hasMessageNotContaining("s3cr3t");
  }

  @Test
  void anAliasNeedsAModel() {
    assertThatThrownBy(
            () ->
                site(
                    "http://a",
                    Optional.empty(),
                    Optional.of("champion"),
                    TrackingSite.DEFAULT_PATIENCE))
        .hasMessageStartingWith("tracking.mlflow.alias: \"champion\" has no registered model.");
  }

  @Test
  void noTimeToWaitIsRefused() {
    assertThatThrownBy(() -> site("http://a", Optional.empty(), Optional.empty(), Duration.ZERO))
        .hasMessage(
            "tracking.mlflow.patience: PT0S is no time to wait. [out-of-range]\n  Expected a positive duration such as 10s.");
  }
}
