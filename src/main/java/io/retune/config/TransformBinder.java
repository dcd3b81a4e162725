package io.retune.config;

import io.retune.config.TransformSpec.Render;
import io.retune.config.TransformSpec.Render.Message;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Binds a chain of transforms and checks that its parts stand in an order that makes sense. */
final class TransformBinder {
  private static final Pattern PLACEHOLDER = Pattern.compile("\\$\\{([^}]*)(}?)");

  private static final List<String> KINDS =
      List.of("select", "where", "explode", "dedup", "split", "sample", "render", "length");

  private static final Kind<String> NAME =
      Kind.text(
          ErrorCode.NOT_A_NAME,
          "Expected letters, digits, - and _, such as held-out.",
          "is no name",
          Pattern.compile("[A-Za-z0-9][A-Za-z0-9_-]{0,63}"));

  private static final Kind<String> SQL =
      Kind.text("Expected a Spark SQL expression over the row's columns, in quotes.");

  private static final Kind<String> COLUMN_NAME =
      Kind.text(
          ErrorCode.NOT_A_NAME,
          "Expected the name of a column: letters, digits and _.",
          "is no column's name",
          Pattern.compile(TransformSpec.COLUMN));

  private static final Kind<List<String>> COLUMN_NAMES =
      Kind.someNames(
          ErrorCode.NOT_A_NAME,
          "Expected a list of columns such as [lemma, pos].",
          Pattern.compile(TransformSpec.COLUMN));

  private static final Kind<String> REASON = Kind.text("Expected the reason, as text.");

  private final Map<String, String> reasons;
  private final List<Block> lengths = new ArrayList<>();

  /**
   * @param reasons takes the {@code why} that stands beside a transform
   */
  TransformBinder(Map<String, String> reasons) {
    this.reasons = reasons;
  }

  /** The chain under {@code key}, remembered there. */
  List<TransformSpec> bind(Block parent, String key) {
    List<Block> blocks = parent.list(key);
    List<TransformSpec> chain = new ArrayList<>();
    Set<String> names = new LinkedHashSet<>();
    for (Block block : blocks) {
      TransformSpec transform = bind(block);
      chain.add(transform);
      if (!transform.name().isEmpty() && !names.add(transform.name())) {
        block.problem(
            ErrorCode.NAMED_TWICE,
            "name",
            "is the name of an earlier transform.",
            "Give each its own name.");
      }
      block
          .aside("why", REASON)
          .ifPresent(why -> reasons.put(parent.path(key) + "." + transform.name(), why));
    }
    if (!blocks.isEmpty()) {
      parent.remember(
          key,
          blocks.stream().map(Block::whole).toList(),
          blocks.stream().map(Block::elided).toList());
    }
    checkOrder(blocks, chain);
    return List.copyOf(chain);
  }

  /** The data set's own chain must not do what is done once for all of them. */
  void refuseCommonParts(Block parent, String key, List<TransformSpec> chain) {
    for (TransformSpec transform : chain) {
      if (transform instanceof TransformSpec.Split
          || isRendering(transform)
          || transform instanceof TransformSpec.Length) {
        parent.problem(
            ErrorCode.MISPLACED_TRANSFORM,
            key,
            "has \"" + transform.name() + "\", which is done for all datasets together.",
            "Move it to data.prepare.");
      }
    }
  }

  /** The common chain splits once and renders once. */
  void requireSplitAndRender(Block parent, String key, List<TransformSpec> chain) {
    require(
        parent,
        key,
        "split",
        chain.stream().filter(TransformSpec.Split.class::isInstance).count(),
        "{ name = held-out, split = { evaluation = 0.1, by = COLUMN, seed = 7 } }");
    require(
        parent,
        key,
        "render",
        chain.stream().filter(TransformBinder::isRendering).count(),
        "{ name = chat, render = [ { role = user, content = \"${COLUMN}\" },"
            + " { role = assistant, content = \"${COLUMN}\", train = true } ] }");
  }

  private static void require(Block parent, String key, String what, long found, String example) {
    if (found == 0) {
      parent.problem(
          ErrorCode.SPLIT_AND_RENDER, key, "has no " + what + ".", "Add " + example + ".");
    } else if (found > 1) {
      parent.problem(
          ErrorCode.SPLIT_AND_RENDER, key, "has " + found + " of " + what + ".", "Keep one.");
    }
  }

  private TransformSpec bind(Block block) {
    String name = block.required("name", NAME);
    String kind =
        block.choice(KINDS, Optional.empty(), "{ name = short, where = \"length(text) < 200\" }.");
    return switch (kind) {
      case "select" -> select(block, name);
      case "where" -> new TransformSpec.Where(name, block.required("where", SQL));
      case "explode" -> explode(block, name);
      case "dedup" -> new TransformSpec.Dedup(name, block.required("dedup", COLUMN_NAMES));
      case "split" -> split(block, name);
      case "sample" -> sample(block, name);
      case "render" -> render(block, name);
      case "length" -> length(block, name);
      default -> new TransformSpec.Where(name, "");
    };
  }

  private static TransformSpec select(Block block, String name) {
    Block columns = block.child("select");
    SortedMap<String, String> expressions = new TreeMap<>();
    for (String column : columns.names()) {
      if (!column.matches(TransformSpec.COLUMN)) {
        columns.problem(
            ErrorCode.NOT_A_NAME, column, "is no column's name.", COLUMN_NAME.expected());
      }
      expressions.put(column, columns.requiredNamed(column, SQL));
    }
    if (expressions.isEmpty()) {
      block.problem(
          ErrorCode.MISSING_KEY,
          "select",
          "names no column.",
          "Expected select { column = \"expression\" }.");
    }
    block.attach("select", columns, true);
    return new TransformSpec.Select(name, expressions);
  }

  private static TransformSpec explode(Block block, String name) {
    Block explode = block.child("explode");
    TransformSpec transform =
        new TransformSpec.Explode(
            name, explode.required("column", COLUMN_NAME), explode.required("of", SQL));
    block.attach("explode", explode, true);
    return transform;
  }

  private static TransformSpec split(Block block, String name) {
    Block split = block.child("split");
    Kind<Double> fraction =
        Kind.number("a fraction between 0 and 1", "0.1", 0.5, f -> f > 0 && f < 1);
    TransformSpec transform =
        new TransformSpec.Split(
            name,
            split.required("evaluation", fraction),
            split.required("by", SQL),
            split.required("seed", RecipeBinder.SEED));
    block.attach("split", split, true);
    return transform;
  }

  private static TransformSpec sample(Block block, String name) {
    Block sample = block.child("sample");
    TransformSpec transform =
        new TransformSpec.Sample(
            name,
            sample.required("keep", RecipeBinder.COUNT).intValue(),
            sample.required("by", SQL),
            sample.required("seed", RecipeBinder.SEED));
    block.attach("sample", sample, true);
    return transform;
  }

  /** An example is never cut in two, so the longest has to fit into a micro-batch. */
  void requireFit(int tokensPerMicroBatch) {
    for (Block length : lengths) {
      long max = ((Number) length.whole().getOrDefault("max", 0L)).longValue();
      if (max > tokensPerMicroBatch) {
        length.problem(
            ErrorCode.VALUES_CONTRADICT,
            "max",
            "is more than order.tokens-per-micro-batch = " + tokensPerMicroBatch + ".",
            "Expected at most as many tokens as a micro-batch holds.");
      }
    }
  }

  private TransformSpec length(Block block, String name) {
    Block length = block.child("length");
    TransformSpec transform =
        new TransformSpec.Length(name, length.required("max", RecipeBinder.TOKENS).intValue());
    block.attach("length", length, true);
    lengths.add(length);
    return transform;
  }

  /** Of either form, it makes examples of rows. */
  private static boolean isRendering(TransformSpec transform) {
    return transform instanceof Render || transform instanceof TransformSpec.Document;
  }

  private static TransformSpec render(Block block, String name) {
    if (block.isBlock("render")) {
      return renderedColumn(block, name);
    }
    List<Block> blocks = block.list("render");
    List<Message> messages = blocks.stream().map(TransformBinder::message).toList();
    block.remember(
        "render",
        blocks.stream().map(Block::whole).toList(),
        blocks.stream().map(Block::elided).toList());
    if (messages.stream().noneMatch(Message::train)) {
      block.problem(
          ErrorCode.NOTHING_TO_LEARN,
          "render",
          "trains no message, so there is nothing to learn.",
          "Write train = true in the assistant's message.");
    }
    return new Render(name, messages, "");
  }

  private static TransformSpec renderedColumn(Block block, String name) {
    Block render = block.child("render");
    String form =
        render.choice(List.of("messages", "text"), Optional.empty(), "{ messages = COLUMN }.");
    String column = form.isEmpty() ? "" : render.required(form, COLUMN_NAME);
    block.attach("render", render, true);
    return form.equals("text")
        ? new TransformSpec.Document(name, column)
        : new Render(name, List.of(), column);
  }

  private static Message message(Block block) {
    Kind<String> role = Kind.oneOf(List.of("user", "assistant", "system", "tool"));
    Kind<String> content =
        Kind.text("Expected text, in quotes; \"${column}\" in it is the row's value.");
    Message message =
        new Message(
            block.required("role", role),
            block.required("content", content),
            block.withDefault("train", Kind.flag(), false));
    checkPlaceholders(block, message.content());
    return message;
  }

  private static void checkPlaceholders(Block block, String content) {
    Matcher placeholder = PLACEHOLDER.matcher(content);
    while (placeholder.find()) {
      if (placeholder.group(2).isEmpty() || !placeholder.group(1).matches(TransformSpec.COLUMN)) {
        block.problem(
            ErrorCode.NOT_A_NAME,
            "content",
            "has the placeholder " + placeholder.group() + ", which names no column.",
            "Expected ${column}: letters, digits and _ between the braces.");
      }
    }
  }

  /** Rows become examples in render: only their length can be looked at after it, only then. */
  private static void checkOrder(List<Block> blocks, List<TransformSpec> chain) {
    boolean rendered = false;
    for (int i = 0; i < chain.size(); i++) {
      TransformSpec transform = chain.get(i);
      boolean length = transform instanceof TransformSpec.Length;
      if (rendered && !length && !isRendering(transform)) {
        blocks
            .get(i)
            .problem(
                ErrorCode.MISPLACED_TRANSFORM,
                "name",
                "stands after render.",
                "Only length may; move it before render.");
      }
      if (!rendered && length) {
        blocks
            .get(i)
            .problem(
                ErrorCode.MISPLACED_TRANSFORM,
                "name",
                "stands before render.",
                "Move it after render, which makes tokens.");
      }
      rendered |= isRendering(transform);
    }
  }
}
