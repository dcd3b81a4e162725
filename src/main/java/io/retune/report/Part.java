package io.retune.report;

/** What an element is made of. */
sealed interface Part permits Html, Part.Attribute {
  record Attribute(String name, String value) implements Part {}
}
