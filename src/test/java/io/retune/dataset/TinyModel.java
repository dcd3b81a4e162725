package io.retune.dataset;

import io.retune.store.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A model directory with a real tokenizer that has a token for each byte, and a ChatML template.
 */
public final class TinyModel {
  private static final int START = 256;
  private static final int END = 257;

  private TinyModel() {}

  public static Path write(Path directory) throws IOException {
    Files.createDirectories(directory);
    Files.writeString(directory.resolve("tokenizer.json"), Json.pretty(tokenizer()));
    Files.writeString(
        directory.resolve("tokenizer_config.json"),
        Json.pretty(
            Map.of(
                "eos_token", "<|im_end|>",
                "bos_token", "<|im_start|>",
                "chat_template",
                    "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\\n' +"
                        + " message['content'] + '<|im_end|>' + '\\n'}}{% endfor %}"
                        + "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif"
                        + " %}")));
    return directory;
  }

  private static Map<String, Object> tokenizer() {
    Map<String, Object> vocabulary = new LinkedHashMap<>();
    int next = 256;
    for (int b = 0; b < 256; b++) {
      boolean shown = (b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
      vocabulary.put(Character.toString(shown ? b : next++), b);
    }
    Map<String, Object> tokenizer = new LinkedHashMap<>();
    tokenizer.put("version", "1.0");
    tokenizer.put("truncation", null);
    tokenizer.put("padding", null);
    tokenizer.put(
        "added_tokens", List.of(special(START, "<|im_start|>"), special(END, "<|im_end|>")));
    tokenizer.put("normalizer", null);
    tokenizer.put(
        "pre_tokenizer",
        Map.of(
            "type",
            "ByteLevel",
            "add_prefix_space",
            false,
            "trim_offsets",
            true,
            "use_regex",
            true));
    tokenizer.put("post_processor", null);
    tokenizer.put(
        "decoder",
        Map.of(
            "type",
            "ByteLevel",
            "add_prefix_space",
            true,
            "trim_offsets",
            true,
            "use_regex",
            true));
    Map<String, Object> model = new LinkedHashMap<>();
    model.put("type", "BPE");
    model.put("dropout", null);
    model.put("unk_token", null);
    model.put("continuing_subword_prefix", null);
    model.put("end_of_word_suffix", null);
    model.put("fuse_unk", false);
    model.put("byte_fallback", false);
    model.put("ignore_merges", false);
    model.put("vocab", vocabulary);
    model.put("merges", List.of());
    tokenizer.put("model", model);
    return tokenizer;
  }

  private static Map<String, Object> special(int id, String content) {
    return Map.of(
        "id",
        id,
        "content",
        content,
        "single_word",
        false,
        "lstrip",
        false,
        "rstrip",
        false,
        "normalized",
        false,
        "special",
        true);
  }
}
