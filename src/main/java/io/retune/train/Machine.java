package io.retune.train;

import io.retune.store.Host;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalLong;
import java.util.stream.Stream;

/**
 * What a process runs on; decides no bit, or {@link io.retune.engine.Numerics} has it too.
 *
 * @param host its name
 * @param cpu model of the processor, as the system calls it
 * @param cores that this process may use
 * @param memoryBytes of the machine
 * @param gpus models; none where the NVIDIA driver is not loaded
 */
public record Machine(
    String host,
    String os,
    String architecture,
    String cpu,
    int cores,
    long memoryBytes,
    List<String> gpus) {
  public static Machine probe() {
    return new Machine(
        Host.name(),
        System.getProperty("os.name") + " " + System.getProperty("os.version"),
        System.getProperty("os.arch"),
        value(Path.of("/proc/cpuinfo"), "model name", "unknown"),
        Runtime.getRuntime().availableProcessors(),
        memory(),
        gpuModels());
  }

  private static long memory() {
    return ManagementFactory.getOperatingSystemMXBean()
            instanceof com.sun.management.OperatingSystemMXBean system
        ? system.getTotalMemorySize()
        : 0;
  }

  private static List<String> gpuModels() {
    Path driver = Path.of("/proc/driver/nvidia/gpus");
    if (!Files.isDirectory(driver)) {
      return List.of();
    }
    try (Stream<Path> gpus = Files.list(driver)) {
      return gpus.sorted().map(gpu -> value(gpu.resolve("information"), "Model", "GPU")).toList();
    } catch (IOException e) {
      return List.of();
    }
  }

  /**
   * Largest resident memory of this process so far, bytes; 0 where the system does not tell.
   * Source: VmHWM of proc_pid_status(5).
   */
  public static long peakMemory() {
    return kilobytes(Path.of("/proc/self/status"), "VmHWM");
  }

  /**
   * Memory that this process holds for itself, files that it maps left out, bytes; 0 where the
   * system does not tell. Source: RssAnon of proc_pid_status(5).
   */
  public static long ownMemory() {
    return kilobytes(Path.of("/proc/self/status"), "RssAnon");
  }

  /**
   * Memory that a program may still take without swapping, or being killed in its container, bytes;
   * 0 where the system does not tell. Source: MemAvailable of proc_meminfo(5).
   */
  public static long availableMemory() {
    long machines = kilobytes(Path.of("/proc/meminfo"), "MemAvailable");
    OptionalLong containers =
        ControlGroup.availableMemory(Path.of("/proc/self/cgroup"), Path.of("/sys/fs/cgroup"));
    return machines == 0 ? 0 : Math.min(machines, containers.orElse(machines));
  }

  private static long kilobytes(Path file, String name) {
    return Long.parseLong(value(file, name, "0 kB").replace(" kB", "")) * 1024;
  }

  /** Of the first line {@code name: value}. */
  private static String value(Path file, String name, String otherwise) {
    try (Stream<String> lines = Files.lines(file)) {
      return lines
          .filter(line -> line.startsWith(name))
          .map(line -> line.substring(line.indexOf(':') + 1).strip())
          .findFirst()
          .orElse(otherwise);
    } catch (IOException | java.io.UncheckedIOException e) {
      return otherwise;
    }
  }
}
