package io.retune.engine;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDManager;
import io.retune.model.ModelConfig;
import java.nio.FloatBuffer;
import java.util.function.DoubleUnaryOperator;

/** How tokens' queries and keys are rotated: float32 [tokens, 1, head width / 2] each. */
record Angles(NDArray cos, NDArray sin) {
  static Angles of(PtNDManager scope, ModelConfig.Rope rope, int[] positions) {
    return new Angles(
        angles(scope, rope, positions, StrictMath::cos),
        angles(scope, rope, positions, StrictMath::sin));
  }

  private static NDArray angles(
      PtNDManager scope, ModelConfig.Rope rope, int[] positions, DoubleUnaryOperator function) {
    float[] frequencies = rope.inverseFrequencies();
    NDArray tensor =
        scope.create(new Shape(positions.length, 1, frequencies.length), DataType.FLOAT32);
    FloatBuffer out = tensor.toByteBuffer(true).asFloatBuffer();
    for (int position : positions) {
      for (float frequency : frequencies) {
        float angle = position * frequency;
        out.put((float) function.applyAsDouble(angle) * rope.attentionScale());
      }
    }
    return tensor;
  }
}
