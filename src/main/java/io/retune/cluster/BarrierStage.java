package io.retune.cluster;

import io.retune.config.RedactedOutput;
import io.retune.train.AllGather;
import io.retune.train.Seat;
import java.io.Serializable;
import java.util.Arrays;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;
import org.apache.spark.BarrierTaskContext;
import org.apache.spark.BarrierTaskInfo;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkEnv;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.resource.ResourceInformation;
import org.apache.spark.resource.ResourceProfile;
import org.apache.spark.resource.ResourceProfileBuilder;
import org.apache.spark.resource.TaskResourceRequests;
import org.apache.spark.sql.SparkSession;
import scala.collection.Iterator;
import scala.jdk.javaapi.CollectionConverters;
import scala.reflect.ClassTag$;
import scala.runtime.AbstractFunction1;

/**
 * Ranks as the tasks of a Spark barrier stage: all run at once, or none. A barrier stage that is a
 * result stage is never retried by Spark (SPARK-27366); that is the driver's affair.
 */
final class BarrierStage {
  /** Spark's own name of the driver among the executors: {@code SparkContext.DRIVER_IDENTIFIER}. */
  private static final String DRIVER = "driver";

  /** Spark's own name of this kind of resource. */
  private static final String GPU = "gpu";

  private BarrierStage() {}

  /** What a rank does; travels to its executor. */
  @FunctionalInterface
  interface RankBody extends Serializable {
    /**
     * @param cancelled true once Spark has given this task up: peers of a failed task are killed
     *     without an interrupt
     */
    String run(Seat seat, AllGather gather, BooleanSupplier cancelled) throws Exception;
  }

  /**
   * Runs one rank on each of {@code world} executors and waits for all. Throws Spark's undeclared
   * SparkException if one of them failed.
   *
   * @return what the ranks returned, by rank
   */
  static List<String> run(SparkSession spark, int world, RankBody body) {
    JavaSparkContext context = JavaSparkContext.fromSparkContext(spark.sparkContext());
    JavaRDD<Integer> ranks = context.parallelize(IntStream.range(0, world).boxed().toList(), world);
    if (!spark.sparkContext().isLocal()) {
      ranks = ranks.withResources(wholeExecutor(spark));
    }
    Object results =
        ranks
            .rdd()
            .barrier()
            .mapPartitions(new RankTask(body), false, ClassTag$.MODULE$.apply(String.class))
            .collect();
    return Arrays.asList((String[]) results);
  }

  /**
   * A rank takes all cores and GPUs of its executor, so that no executor gets two. Only for this
   * stage: a global spark.task.cpus would throttle the preparation of data.
   */
  private static ResourceProfile wholeExecutor(SparkSession spark) {
    SparkConf conf = spark.sparkContext().getConf();
    TaskResourceRequests whole =
        new TaskResourceRequests().cpus(conf.getInt("spark.executor.cores", 1));
    int gpus = conf.getInt("spark.executor.resource.gpu.amount", 0);
    if (gpus > 0) {
      whole.resource(GPU, gpus);
    }
    return new ResourceProfileBuilder().require(whole).build();
  }

  /** Of its address Spark's own port is of no use to us. */
  private static Seat seat(BarrierTaskContext context) {
    BarrierTaskInfo[] all = context.getTaskInfos();
    String address = all[context.partitionId()].address();
    ResourceInformation gpus = context.resourcesJMap().get(GPU);
    return new Seat(
        context.partitionId(),
        all.length,
        address.substring(0, address.lastIndexOf(':')),
        gpus == null ? List.of() : List.of(gpus.addresses()));
  }

  private static final class RankTask extends AbstractFunction1<Iterator<Integer>, Iterator<String>>
      implements Serializable {
    private static final long serialVersionUID = 1L;

    private final RankBody body;

    RankTask(RankBody body) {
      this.body = body;
    }

    @Override
    public Iterator<String> apply(Iterator<Integer> partition) {
      BarrierTaskContext context = BarrierTaskContext.get();
      if (!SparkEnv.get().executorId().equals(DRIVER)) {
        // The driver has done so for itself.
        RedactedOutput.install();
      }
      try {
        String result = body.run(seat(context), gather(context), context::isInterrupted);
        return CollectionConverters.asScala(List.of(result)).iterator();
      } catch (RuntimeException e) {
        throw e;
      } catch (Exception e) {
        throw new IllegalStateException("Rank " + context.partitionId() + " failed", e);
      }
    }

    /** Spark looks once a second whether all have come: a rank alone has nobody to wait for. */
    private static AllGather gather(BarrierTaskContext context) {
      return context.getTaskInfos().length == 1
          ? List::of
          : mine -> List.of(context.allGather(mine));
    }
  }
}
