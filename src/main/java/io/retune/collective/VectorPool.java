package io.retune.collective;

import java.util.concurrent.ConcurrentLinkedDeque;

/** Vectors of one size, used again: a step makes no garbage of megabytes. */
public final class VectorPool {
  private final int size;
  private final ConcurrentLinkedDeque<float[]> free = new ConcurrentLinkedDeque<>();

  public VectorPool(int size) {
    this.size = size;
  }

  /** A vector with any content. */
  public float[] take() {
    float[] vector = free.poll();
    return vector == null ? new float[size] : vector;
  }

  /** Gives a vector back; the caller forgets it. */
  public void give(float[] vector) {
    if (vector.length != size) {
      throw new IllegalArgumentException("Not a vector of this pool");
    }
    free.push(vector);
  }
}
