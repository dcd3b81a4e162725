package io.retune.dataset;

import io.retune.store.Sha256;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.types.StructField;
import scala.jdk.javaapi.CollectionConverters;

/**
 * A row as bytes that stand for its content and nothing else: columns in the order of their names,
 * each value with its type and length, so that no two contents have the same bytes. A column that
 * is null counts as absent; integers of any width are equal when their values are.
 *
 * <p>Digests in stores that exist depend on these bytes: a change of them is a change of {@link
 * Preparation#VERSION}.
 */
final class RowContent {
  private RowContent() {}

  /** SHA-256 of {@link #encode}, hexadecimal. */
  static String digest(Row row) {
    return Sha256.of(encode(row)).hex();
  }

  static byte[] encode(Row row) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (DataOutputStream out = new DataOutputStream(bytes)) {
      writeRow(row, out);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return bytes.toByteArray();
  }

  private static void writeRow(Row row, DataOutputStream out) throws IOException {
    TreeMap<String, Object> present = new TreeMap<>();
    StructField[] fields = row.schema().fields();
    for (int i = 0; i < fields.length; i++) {
      if (!row.isNullAt(i)) {
        present.put(fields[i].name(), row.get(i));
      }
    }
    out.writeByte('r');
    out.writeInt(present.size());
    for (Map.Entry<String, Object> column : present.entrySet()) {
      writeBytes(column.getKey().getBytes(StandardCharsets.UTF_8), out);
      writeValue(column.getValue(), out);
    }
  }

  private static void writeValue(Object value, DataOutputStream out) throws IOException {
    if (value == null) {
      out.writeByte('0');
    } else if (value instanceof String text) {
      out.writeByte('s');
      writeBytes(text.getBytes(StandardCharsets.UTF_8), out);
    } else if (value instanceof Boolean flag) {
      out.writeByte('b');
      out.writeBoolean(flag);
    } else if (value instanceof Double || value instanceof Float) {
      out.writeByte('d');
      out.writeLong(Double.doubleToLongBits(((Number) value).doubleValue()));
    } else if (value instanceof BigDecimal decimal) {
      writeTagged('n', decimal.stripTrailingZeros().toString(), out);
    } else if (value instanceof Number integer) {
      out.writeByte('i');
      out.writeLong(integer.longValue());
    } else if (value instanceof byte[] binary) {
      out.writeByte('x');
      writeBytes(binary, out);
    } else if (value instanceof Row struct) {
      writeRow(struct, out);
    } else if (value instanceof scala.collection.Seq<?> elements) {
      writeList(CollectionConverters.asJava(elements), out);
    } else if (value instanceof scala.collection.Map<?, ?> entries) {
      writeMap(CollectionConverters.asJava(entries), out);
    } else if (value instanceof java.sql.Timestamp timestamp) {
      writeTagged('t', timestamp.toInstant().toString(), out);
    } else {
      // Dates, instants, local times, intervals: their text is exact, their class tells them apart.
      writeTagged('o', value.getClass().getSimpleName() + ' ' + value, out);
    }
  }

  private static void writeList(List<?> elements, DataOutputStream out) throws IOException {
    out.writeByte('a');
    out.writeInt(elements.size());
    for (Object element : elements) {
      writeValue(element, out);
    }
  }

  /** A map has no order: entries in the order of their keys' bytes. */
  private static void writeMap(Map<?, ?> map, DataOutputStream out) throws IOException {
    List<byte[]> entries = new ArrayList<>();
    for (Map.Entry<?, ?> entry : map.entrySet()) {
      ByteArrayOutputStream bytes = new ByteArrayOutputStream();
      DataOutputStream one = new DataOutputStream(bytes);
      writeValue(entry.getKey(), one);
      writeValue(entry.getValue(), one);
      entries.add(bytes.toByteArray());
    }
    entries.sort(Arrays::compareUnsigned);
    out.writeByte('m');
    out.writeInt(entries.size());
    for (byte[] entry : entries) {
      out.write(entry);
    }
  }

  private static void writeTagged(char tag, String text, DataOutputStream out) throws IOException {
    out.writeByte(tag);
    writeBytes(text.getBytes(StandardCharsets.UTF_8), out);
  }

  private static void writeBytes(byte[] bytes, DataOutputStream out) throws IOException {
    out.writeInt(bytes.length);
    out.write(bytes);
  }
}
