package io.retune.model;

import io.retune.config.TrainSpec;
import java.util.ArrayList;
import java.util.List;

/**
 * Where each tensor of an adapter lies in one flat float32 vector. Per layer: the A matrices of
 * modules that share an input stand together (q, k, v; gate, up), so that they are one matrix to a
 * kernel; then their B matrices.
 *
 * @param tensors without holes, in the order of their offsets
 * @param size elements of the vector
 */
public record AdapterLayout(List<Tensor> tensors, int size) {

  /**
   * One A or B matrix.
   *
   * @param name as PEFT stores it, {@code
   *     base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight}
   * @param rows for A the rank, for B the module's outputs
   * @param columns for A the module's inputs, for B the rank
   * @param offset of its first element; row-major
   */
  public record Tensor(
      int layer, String module, boolean isA, String name, int rows, int columns, int offset) {
    public int size() {
      return rows * columns;
    }
  }

  /** The linear modules of a layer in groups that share an input. */
  private static final List<List<String>> GROUPS =
      List.of(
          List.of("q_proj", "k_proj", "v_proj"),
          List.of("o_proj"),
          List.of("gate_proj", "up_proj"),
          List.of("down_proj"));

  /** The linear modules of a layer, those that read the same input together. */
  public static List<List<String>> groups() {
    return GROUPS;
  }

  /** Every linear module of a layer, in order. */
  public static List<String> modules() {
    return GROUPS.stream().flatMap(List::stream).toList();
  }

  /**
   * @throws IllegalArgumentException if a target is no module of the model
   * @throws ArithmeticException if the adapter has more than 2^31 - 1 elements
   */
  public static AdapterLayout of(ModelConfig model, TrainSpec.Lora lora) {
    if (!modules().containsAll(lora.targets())) {
      throw new IllegalArgumentException("Not among " + modules() + ": " + lora.targets());
    }
    List<Tensor> tensors = new ArrayList<>();
    int offset = 0;
    for (int layer = 0; layer < model.layers(); layer++) {
      for (List<String> group : GROUPS) {
        List<String> targets = group.stream().filter(lora.targets()::contains).toList();
        for (boolean isA : new boolean[] {true, false}) {
          for (String module : targets) {
            int rows = isA ? lora.rank() : outputs(model, module);
            int columns = isA ? inputs(model, module) : lora.rank();
            tensors.add(
                new Tensor(layer, module, isA, name(layer, module, isA), rows, columns, offset));
            offset = Math.addExact(offset, Math.multiplyExact(rows, columns));
          }
        }
      }
    }
    return new AdapterLayout(List.copyOf(tensors), offset);
  }

  private static String name(int layer, String module, boolean isA) {
    return "base_model.model.model.layers.%d.%s.%s.lora_%s.weight"
        .formatted(layer, block(module), module, isA ? "A" : "B");
  }

  /** The block of a layer that a module belongs to, as its weights are named. */
  public static String block(String module) {
    return module.matches("[qkvo]_proj") ? "self_attn" : "mlp";
  }

  /** Width of what a module reads. */
  public static int inputs(ModelConfig model, String module) {
    return switch (module) {
      case "o_proj" -> model.heads() * model.headWidth();
      case "down_proj" -> model.feedForward();
      default -> model.width();
    };
  }

  /** Width of what a module writes. */
  public static int outputs(ModelConfig model, String module) {
    return switch (module) {
      case "q_proj" -> model.heads() * model.headWidth();
      case "k_proj", "v_proj" -> model.keyValueHeads() * model.headWidth();
      case "gate_proj", "up_proj" -> model.feedForward();
      default -> model.width();
    };
  }
}
