package io.retune.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.apache.hadoop.conf.Configuration;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LeaseTest {
  @TempDir Path folder;

  private Store store;
  private org.apache.hadoop.fs.Path run;

  @BeforeEach
  void open() {
    store = Store.open(folder.resolve("store").toString(), new Configuration());
    run = store.path("runs", "gloss");
  }

  @Test
  void aSecondOneIsRefusedNamingTheHolder() {
    try (Lease lease = Lease.take(store, run, "The run gloss")) {
      assertThat(lease.number()).isEqualTo(1);
      assertThatThrownBy(() -> Lease.take(store, run, "The run gloss"))
          .isInstanceOf(LeaseHeldException.class)
          .hasMessageStartingWith(
              "The run gloss: is held by process " + ProcessHandle.current().pid())
          .hasMessageEndingWith(". [run-held]\n  Wait for it, or stop it; then ask again.");
    }
  }

  @Test
  void oneThatWasGivenBackIsTakenAtOnceUnderTheNextNumber() {
    Lease.take(store, run, "The run").close();
    assertThat(Lease.holder(store, run)).isEmpty();
    try (Lease lease = Lease.take(store, run, "The run")) {
      assertThat(lease.number()).isEqualTo(2);
    }
  }

  @Test
  void ofManyThatAskAtOnceOneGetsIt() throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(8);
    try {
      Callable<Integer> ask =
          () -> {
            try {
              return Lease.take(store, run, "The run").number();
            } catch (LeaseHeldException e) {
              return 0;
            }
          };
      List<Integer> got = new ArrayList<>();
      for (Future<Integer> each :
          threads.invokeAll(List.of(ask, ask, ask, ask, ask, ask, ask, ask))) {
        got.add(each.get());
      }
      assertThat(got).containsOnlyOnce(1);
      assertThat(got.stream().filter(n -> n == 0)).hasSize(7);
    } finally {
      threads.shutdownNow();
    }
  }

  @Test
  void thatOfADeadProcessOfThisMachineIsTakenAtOnce() throws Exception {
    Process dead = new ProcessBuilder("true").start();
    assertThat(dead.waitFor(10, TimeUnit.SECONDS)).isTrue();
    Lease.Holder me = Lease.Holder.thisProcess();
    heldBy(holder(me.host(), dead.pid(), "1", Instant.now().toString()));
    try (Lease lease = Lease.take(store, run, "The run")) {
      assertThat(lease.number()).isEqualTo(2);
    }
  }

  @Test
  void aProcessThatGotTheNumberOfADeadOneIsNotTakenForIt() {
    Lease.Holder me = Lease.Holder.thisProcess();
    heldBy(holder(me.host(), me.pid(), "another", Instant.now().toString()));
    Lease.take(store, run, "The run").close();
  }

  @Test
  void thatOfAnotherMachineHoldsAsLongAsItGivesASign() {
    String longAgo = Instant.now().minus(Duration.ofHours(1)).toString();
    heldBy(holder("elsewhere", 1, "1", longAgo));
    beat(Instant.now().minusSeconds(50));
    assertThatThrownBy(() -> Lease.take(store, run, "The run"))
        .isInstanceOf(LeaseHeldException.class)
        .hasMessageContaining("process 1 on elsewhere");
    beat(Instant.now().minusSeconds(70));
    try (Lease lease = Lease.take(store, run, "The run")) {
      assertThat(lease.number()).isEqualTo(2);
    }
  }

  @Test
  void aHolderThatWasTakenOverIsToldSo() {
    try (Lease paused = Lease.take(store, run, "The run")) {
      paused.requireHeld();
      assertThat(store.create(new org.apache.hadoop.fs.Path(run, "leases/000002"), new byte[0]))
          .isTrue();
      assertThatThrownBy(paused::requireHeld)
          .isInstanceOf(LeaseHeldException.class)
          .hasMessageContaining("was taken over by another process");
    }
  }

  @Test
  void aProcessOfAnotherContainerIsNotLookedForAmongOurs() {
    Lease.Holder me = Lease.Holder.thisProcess();
    heldBy(
        new Lease.Holder(me.host(), me.boot(), "pid:[1]", 999_999, "1", Instant.now().toString()));
    assertThatThrownBy(() -> Lease.take(store, run, "The run"))
        .isInstanceOf(LeaseHeldException.class);
  }

  private static Lease.Holder holder(String host, long pid, String startedAt, String since) {
    Lease.Holder me = Lease.Holder.thisProcess();
    return new Lease.Holder(host, me.boot(), me.namespace(), pid, startedAt, since);
  }

  private void heldBy(Lease.Holder holder) {
    store.create(
        new org.apache.hadoop.fs.Path(run, "leases/000001"),
        Json.write(holder).getBytes(StandardCharsets.UTF_8));
  }

  private void beat(Instant at) {
    store.write(
        new org.apache.hadoop.fs.Path(run, "leases/000001.beat"),
        at.toString().getBytes(StandardCharsets.UTF_8));
  }
}
