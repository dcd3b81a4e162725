package io.retune.config;

import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;

/**
 * The kinds of mistakes that end a command, by the words that name them in messages. What each
 * means, why it is refused and what cures it stands in docs/errors.md, which {@code retune explain
 * CODE} shows. A word stays what it is: people search for it, and programs act on it.
 */
public enum ErrorCode {
  // The command line.
  UNKNOWN_COMMAND,
  UNKNOWN_OPTION,
  MISSING_ARGUMENT,
  BAD_ARGUMENT,
  BAD_OVERRIDE,
  UNKNOWN_CODE,
  FILE_NOT_FOUND,
  NOT_UTF8,
  OUTPUT_EXISTS,
  OUTPUT_NOT_WRITABLE,

  // The configuration.
  NOT_HOCON,
  INCLUDE_REFUSED,
  BAD_SUBSTITUTION,
  BEYOND_LIMITS,
  UNKNOWN_KEY,
  MISSING_KEY,
  WRONG_TYPE,
  NOT_A_NUMBER,
  NOT_AN_AMOUNT,
  OUT_OF_RANGE,
  EMPTY_VALUE,
  UNKNOWN_CHOICE,
  NOT_A_NAME,
  NAMED_TWICE,
  NOT_A_DIGEST,
  KEYS_CONFLICT,
  VALUES_CONTRADICT,
  REASON_WITHOUT_VALUE,
  MISPLACED_TRANSFORM,
  SPLIT_AND_RENDER,
  NOTHING_TO_LEARN,
  NOT_A_SOURCE,
  SOURCE_MOVES,
  SECRET_INLINE,
  NOT_PINNABLE,

  // Where sources come from.
  SOURCE_NOT_FOUND,
  SOURCE_NOT_READABLE,
  SOURCE_NOT_FETCHED,
  PROGRAM_NOT_FOUND,
  OFFLINE,
  HUB_REFUSES,
  DIGEST_DIFFERS,
  UNEXPECTED_FILES,

  // The data.
  CANNOT_DECOMPRESS,
  MALFORMED_CSV,
  MALFORMED_JSON,
  MALFORMED_PARQUET,
  UNUSABLE_COLUMN,
  COLUMNS_DIFFER,
  NO_ROWS,
  KEY_NOT_UNIQUE,
  VERSION_NOT_FOUND,
  TABLE_NOT_READABLE,
  COLUMN_NOT_FOUND,
  WRONG_COLUMN_TYPE,
  NOT_AN_EXPRESSION,
  NOT_DETERMINED,
  EXPRESSION_FAILS,
  EMPTY_SPLIT,
  TOO_MANY_GROUPS,
  NOT_A_CHAT,
  ROW_NOT_RENDERED,
  EXAMPLE_TOO_LONG,
  BAD_TARGETS,
  UNKNOWN_SHAPE,

  // The model.
  NOT_A_MODEL,
  MODEL_NOT_SUPPORTED,
  MODEL_CONFIG_WRONG,
  PICKLE,
  WEIGHTS_DAMAGED,
  WEIGHTS_DO_NOT_FIT,
  ADAPTER_DOES_NOT_FIT,
  MODEL_NOT_IN_STORE,
  MODEL_CHANGED,
  NO_CHAT_TEMPLATE,
  TEMPLATE_NOT_SUPPORTED,
  TEMPLATE_REFUSES,
  GGUF_NOT_WRITABLE,
  MODEL_CARD_INCOMPLETE,

  // The site and its store.
  NOT_AN_ADDRESS,
  NOT_A_VARIABLE,
  SUCCESS_NOT_SAID,
  STORE_NOT_FOUND,
  STORE_NOT_LOCAL,
  STORE_NOT_WRITABLE,
  WRITE_FAILED(Exit.RESUMABLE),

  // The cluster.
  MASTER_REFUSED,
  DYNAMIC_ALLOCATION,
  EXECUTOR_CORES_UNKNOWN,
  TOO_MANY_EXECUTORS,
  STORE_NOT_SHARED,
  NO_EXECUTOR(Exit.RESUMABLE),

  // The tracking server.
  TRACKING_NOT_CONFIGURED,
  BAD_CREDENTIALS,
  TRACKING_CERTIFICATE,
  TRACKING_REFUSES,
  NOT_MLFLOW,
  TRACKING_UNREACHABLE(Exit.RESUMABLE),

  // Runs and tables.
  RUN_NOT_FOUND,
  RUN_AMBIGUOUS,
  RUN_NOT_FINISHED,
  REQUEST_TAKEN,
  GRADIENT_NOT_FINITE,
  LOSS_NOT_FINITE,
  FILE_GONE,
  UNKNOWN_QUERY,
  QUERY_PARAMETERS,
  SQL_REFUSED,
  ATTEMPTS_FAILED(Exit.RESUMABLE),
  RUN_HELD(Exit.HELD),
  LEASE_LOST(Exit.HELD),

  // What must hold.
  UNFAIR_COMPARISON(Exit.CHECK_DOES_NOT_HOLD),
  NOT_ALL_PINNED(Exit.CHECK_DOES_NOT_HOLD),
  NOT_AS_REQUIRED(Exit.CHECK_DOES_NOT_HOLD),
  STEP_DIFFERS(Exit.CHECK_DOES_NOT_HOLD),
  SCORE_DIFFERS(Exit.CHECK_DOES_NOT_HOLD),
  NUMERICS_DIFFER(Exit.CHECK_DOES_NOT_HOLD),
  ARGUMENTS_DIFFER(Exit.CHECK_DOES_NOT_HOLD),
  FILE_CHANGED(Exit.CHECK_DOES_NOT_HOLD),
  FILE_DAMAGED(Exit.CHECK_DOES_NOT_HOLD),
  JOURNAL_DAMAGED(Exit.CHECK_DOES_NOT_HOLD),
  TABLES_DIFFER(Exit.CHECK_DOES_NOT_HOLD),

  // Retune itself.
  OUT_OF_MEMORY(Exit.RESUMABLE),
  DEFECT(Exit.DEFECT);

  private final Exit exit;

  ErrorCode() {
    this(Exit.BAD_INPUT);
  }

  ErrorCode(Exit exit) {
    this.exit = exit;
  }

  /** What a command ends with that meets it. */
  public Exit exit() {
    return exit;
  }

  /** The code of these words, as {@link #toString} gives them. */
  public static Optional<ErrorCode> of(String words) {
    return Arrays.stream(values()).filter(code -> code.toString().equals(words)).findFirst();
  }

  /** As it stands in messages: {@code unknown-key}. */
  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }
}
