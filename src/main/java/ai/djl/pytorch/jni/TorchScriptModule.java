package ai.djl.pytorch.jni;

import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.engine.PtSymbolBlock;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/**
 * A module made of TorchScript source text, whose methods are called with tensors.
 *
 * <p>Lies in DJL's package because {@code PyTorchLibrary} is package-private there, and {@code
 * IValueUtils.runMethod} forces inference mode, in which tensors cannot be updated in place later.
 *
 * <p>The archive is what {@code torch.jit.save} writes (torch/csrc/jit/docs/serialization.md): a
 * version, a pickle that makes one object of the class, no constants, and the source.
 */
public final class TorchScriptModule implements AutoCloseable {
  private static final String CLASS = "Kernels";
  private static final String FILE_VERSION = "10\n";

  /** Zip entries carry a time; any fixed one keeps the bytes equal. */
  private static final long FIXED_TIME_MS = 315_532_800_000L;

  private final PtSymbolBlock block;
  private final long handle;

  private TorchScriptModule(PtSymbolBlock block) {
    this.block = block;
    this.handle = block.getHandle();
  }

  /**
   * Makes a module of source text.
   *
   * @param methods source of the methods of one module class, indented by two blanks
   */
  public static TorchScriptModule compile(PtNDManager manager, String methods) {
    String source =
        "class "
            + CLASS
            + "(Module):\n  __parameters__ = []\n  __buffers__ = []\n  training : bool\n"
            + methods;
    try {
      byte[] archive = archive(source);
      return new TorchScriptModule(
          JniUtils.loadModule(manager, new ByteArrayInputStream(archive), true, false));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * Prepares the calling thread: no autograd, one intra-op thread, and no TorchScript optimizer,
   * whose fusions change bits from call to call. All three are per thread.
   */
  public static void prepareThread() {
    // Loads the native library, when this is the first touch.
    Engine.getEngine("PyTorch");
    JniUtils.setGradMode(false);
    JniUtils.setNumThreads(1);
    JniUtils.setGraphExecutorOptimize(false);
  }

  /** With autograd on or off in the calling thread. */
  public static void autograd(boolean on) {
    JniUtils.setGradMode(on);
  }

  /** Back-propagates {@code gradient} through {@code result}. */
  public static void backward(NDArray result, NDArray gradient) {
    JniUtils.backward((PtNDArray) result, (PtNDArray) gradient, false, false);
  }

  /**
   * Calls a method.
   *
   * @param results owner of the tensors returned
   * @param arguments NDArray, NDArray[], Long, Integer, long[], Double or Boolean
   * @return the tensor, or the tensors of the tuple or list, that the method returned
   */
  public NDArray[] call(PtNDManager results, String method, Object... arguments) {
    IValue[] values = new IValue[arguments.length];
    long[] handles = new long[arguments.length];
    try {
      for (int i = 0; i < arguments.length; i++) {
        values[i] = value(arguments[i]);
        handles[i] = values[i].getHandle();
      }
      try (IValue result =
          new IValue(PyTorchLibrary.LIB.moduleRunMethod(handle, method, handles, true, false))) {
        return result.toNDList(results).toArray(new NDArray[0]);
      }
    } finally {
      for (IValue value : values) {
        if (value != null) {
          value.close();
        }
      }
    }
  }

  private static IValue value(Object argument) {
    if (argument instanceof PtNDArray tensor) {
      return IValue.from(tensor);
    } else if (argument instanceof NDArray[] tensors) {
      PtNDArray[] list = new PtNDArray[tensors.length];
      System.arraycopy(tensors, 0, list, 0, list.length);
      return IValue.listFrom(list);
    } else if (argument instanceof long[] list) {
      return IValue.listFrom(list);
    } else if (argument instanceof Number number && !(number instanceof Double)) {
      return IValue.from(number.longValue());
    } else if (argument instanceof Double number) {
      return IValue.from(number.doubleValue());
    } else if (argument instanceof Boolean flag) {
      return IValue.from(flag.booleanValue());
    }
    throw new IllegalArgumentException("Not an argument of a kernel: " + argument);
  }

  private static byte[] archive(String source) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ZipOutputStream zip = new ZipOutputStream(bytes)) {
      entry(zip, "version", FILE_VERSION.getBytes(StandardCharsets.US_ASCII));
      entry(zip, "byteorder", "little".getBytes(StandardCharsets.US_ASCII));
      entry(zip, "data.pkl", pickledObject());
      entry(zip, "constants.pkl", new byte[] {(byte) 0x80, 2, ')', '.'});
      entry(zip, "code/__torch__.py", source.getBytes(StandardCharsets.UTF_8));
    }
    return bytes.toByteArray();
  }

  /** {@code Kernels.__new__(Kernels)} with {@code training = True}, as pickle protocol 2. */
  private static byte[] pickledObject() throws IOException {
    ByteArrayOutputStream pickle = new ByteArrayOutputStream();
    pickle.write(new byte[] {(byte) 0x80, 2});
    pickle.write(("c__torch__\n" + CLASS + "\n").getBytes(StandardCharsets.US_ASCII));
    pickle.write(new byte[] {')', (byte) 0x81, '}', '('});
    text(pickle, "training");
    pickle.write(new byte[] {(byte) 0x88, 'u', 'b', '.'});
    return pickle.toByteArray();
  }

  private static void text(OutputStream pickle, String text) throws IOException {
    byte[] bytes = text.getBytes(StandardCharsets.US_ASCII);
    pickle.write(new byte[] {'X', (byte) bytes.length, 0, 0, 0});
    pickle.write(bytes);
  }

  private static void entry(ZipOutputStream zip, String name, byte[] bytes) throws IOException {
    ZipEntry entry = new ZipEntry("kernels/" + name);
    CRC32 crc = new CRC32();
    crc.update(bytes);
    entry.setMethod(ZipEntry.STORED);
    entry.setSize(bytes.length);
    entry.setCrc(crc.getValue());
    entry.setTime(FIXED_TIME_MS);
    zip.putNextEntry(entry);
    zip.write(bytes);
    zip.closeEntry();
  }

  @Override
  public void close() {
    block.close();
  }
}
