package io.retune.config;

import java.util.ArrayDeque;
import java.util.Deque;

/** How deep a HOCON text goes, found without recursion: before a parser that recurses sees it. */
final class Nesting {
  private final String text;
  private int at;
  private int line = 1;
  private int brackets;
  private int dots;

  /** Lines of the brackets that are not closed yet. */
  private final Deque<Integer> open = new ArrayDeque<>();

  private Nesting(String text) {
    this.text = text;
  }

  /** The first line on which brackets or a key's dots are nested deeper; 0: none. */
  static int firstLineDeeperThan(int depth, String text) {
    Nesting nesting = new Nesting(text);
    while (nesting.at < text.length()) {
      nesting.step();
      if (nesting.brackets > depth || nesting.dots > depth) {
        return nesting.line;
      }
    }
    return 0;
  }

  /** The line of the last bracket that is opened and never closed; 0: there is none. */
  static int lineOfUnclosed(String text) {
    Nesting nesting = new Nesting(text);
    while (nesting.at < text.length()) {
      nesting.step();
    }
    return nesting.open.isEmpty() ? 0 : nesting.open.peek();
  }

  private void step() {
    char c = text.charAt(at);
    if (text.startsWith("\"\"\"", at)) {
      skipTo("\"\"\"", at + 3);
    } else if (c == '"') {
      skipQuoted();
    } else if (c == '#' || text.startsWith("//", at)) {
      skipComment();
    } else {
      count(c);
      at++;
    }
  }

  private void count(char c) {
    switch (c) {
      case '{', '[' -> {
        brackets++;
        open.push(line);
      }
      case '}', ']' -> {
        brackets--;
        open.poll();
      }
      case '.' -> dots++;
      default -> {}
    }
    if (c == '\n') {
      line++;
    }
    if ("{}[],:=\n".indexOf(c) >= 0) {
      dots = 0;
    }
  }

  private void skipTo(String end, int from) {
    int found = text.indexOf(end, from);
    int next = found < 0 ? text.length() : found + end.length();
    for (; at < next; at++) {
      if (text.charAt(at) == '\n') {
        line++;
      }
    }
  }

  private void skipQuoted() {
    at++;
    while (at < text.length() && text.charAt(at) != '"' && text.charAt(at) != '\n') {
      at += text.charAt(at) == '\\' ? 2 : 1;
    }
    if (at < text.length() && text.charAt(at) == '"') {
      at++;
    }
  }

  private void skipComment() {
    int end = text.indexOf('\n', at);
    at = end < 0 ? text.length() : end;
  }
}
