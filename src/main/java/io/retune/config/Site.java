package io.retune.config;

import java.util.Optional;

/**
 * Where a run takes place and where its results go. Nothing here can change a weight, and nothing
 * here is fingerprinted.
 *
 * @param store local path of the store
 * @param cache local directory for downloads and prepared weights, named by digest
 * @param master Spark master; empty: {@code local[*]}, or separate executor JVMs on this machine
 *     when {@code executors} is given, or what spark-submit said
 * @param executors how many executors, one rank each
 * @param executorCores cores of one executor
 * @param executorMemoryMb Spark's executor memory in MiB
 * @param lanes micro-batches computed side by side in one rank; empty: as many as the executor has
 *     cores
 * @param tracking the server that runs are published to; empty: none, or offline
 * @param hub where sources with {@code hf://} come from
 * @param requireSuccessMetrics whether a run that does not say what it has to come to is refused
 * @param offline whether everything that needs the network is left untried
 */
public record Site(
    String store,
    String cache,
    Optional<String> master,
    Optional<Integer> executors,
    Optional<Integer> executorCores,
    int executorMemoryMb,
    Optional<Integer> lanes,
    Optional<TrackingSite> tracking,
    HubSite hub,
    boolean requireSuccessMetrics,
    boolean offline) {}
