package io.retune.lineage;

import io.retune.train.Machine;
import java.util.List;
import java.util.SortedMap;

/**
 * What a driver of a run was: changes no bit, or the numerics of its attempts say so too. Holds no
 * secret: of the Java properties only the names, of Spark's settings none that hold classes' paths
 * or credentials.
 *
 * @param user who started it, as the system calls them
 * @param java version and vendor
 * @param jvmFlags as given; of {@code -D} the name alone
 * @param spark settings, by name
 * @param libraries file names of the class path, sorted
 */
public record Environment(
    Code code,
    String user,
    String java,
    List<String> jvmFlags,
    Machine machine,
    SortedMap<String, String> spark,
    List<String> libraries) {

  /**
   * The run's file that has what a driver's program differed from its commit in.
   *
   * @param driver from 1: each may have been another program
   */
  public static String diffFile(int driver) {
    return "code-" + driver + ".diff";
  }

  /**
   * The program.
   *
   * @param commit Git's, 40 hexadecimal digits; {@code unknown} when it was not built in a checkout
   * @param branch that was checked out
   * @param diffSha256 of what the program's files differed from the commit in when it was built, as
   *     {@code git diff} says it, which the run keeps, see {@link #diffFile}; empty: in nothing
   * @param programSha256 of the jar, or of the manifest of the classes' folder
   */
  public record Code(
      String version, String commit, String branch, String diffSha256, String programSha256) {}
}
