package io.retune.engine;

import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.jni.TorchScriptModule;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.LongBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** The kernels' source texts and the module made of them. */
final class Kernels {
  /** Whose matrix products and attention are used; a fact of the numerics. */
  enum Products {
    ONEDNN("products-onednn.ts", "attend-flash.ts"),
    NATIVE("products-native.ts", "attend-flash.ts"),
    /** Of operations that every device has, a GPU too. */
    ANYWHERE("products-native.ts", "attend-exact.ts");

    private final String products;
    private final String attention;

    Products(String products, String attention) {
      this.products = products;
      this.attention = attention;
    }

    /** oneDNN where it is built for; its product with a frozen weight exists on x86 CPUs only. */
    static Products ofThisMachine() {
      String arch = System.getProperty("os.arch").toLowerCase(Locale.ROOT);
      return arch.equals("amd64") || arch.equals("x86_64") ? ONEDNN : NATIVE;
    }
  }

  private Kernels() {}

  /** The root of all tensors of this process. */
  static PtNDManager newManager() {
    return (PtNDManager) Engine.getEngine("PyTorch").newBaseManager();
  }

  static TorchScriptModule compile(PtNDManager manager, Products products) {
    return TorchScriptModule.compile(manager, source(products));
  }

  static String source(Products products) {
    return Stream.of(products.products, products.attention, "attention.ts", "layer.ts", "head.ts")
        .map(Kernels::text)
        .collect(Collectors.joining());
  }

  /**
   * The training kernels, and others that are no part of a run's numerics: they compute no weight.
   *
   * @param more {@code generate.ts} or {@code weights.ts}
   */
  static TorchScriptModule compileWith(PtNDManager manager, Products products, String more) {
    return TorchScriptModule.compile(manager, source(products) + text(more));
  }

  /** int64 [n]. */
  static NDArray indices(PtNDManager scope, int[] values) {
    NDArray tensor = scope.create(new Shape(values.length), DataType.INT64);
    if (values.length > 0) {
      LongBuffer buffer = tensor.toByteBuffer(true).asLongBuffer();
      for (int value : values) {
        buffer.put(value);
      }
    }
    return tensor;
  }

  private static String text(String resource) {
    try (InputStream in = Kernels.class.getResourceAsStream(resource)) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
