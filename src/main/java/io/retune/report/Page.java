package io.retune.report;

import static io.retune.report.Html.style;
import static io.retune.report.Html.tag;
import static io.retune.report.Html.text;
import static io.retune.report.Html.with;

/** A page that needs nothing but itself, and whose policy lets it fetch nothing. */
final class Page {
  private static final Html.Resource STYLE = Html.Resource.read("page.css");
  private static final Html.Resource SCRIPT = Html.Resource.read("page.js");

  private static final String POLICY =
      "default-src 'none'; style-src "
          + STYLE.allowed()
          + "; script-src "
          + SCRIPT.allowed()
          + "; base-uri 'none'; form-action 'none'";

  private Page() {}

  static String of(String title, Html content, Html foot) {
    return tag(
            "html",
            with("lang", "en"),
            tag(
                "head",
                tag("meta", with("charset", "utf-8")),
                tag("meta", with("http-equiv", "Content-Security-Policy"), with("content", POLICY)),
                tag(
                    "meta",
                    with("name", "viewport"),
                    with("content", "width=device-width, initial-scale=1")),
                tag("meta", with("name", "color-scheme"), with("content", "light dark")),
                tag("meta", with("name", "referrer"), with("content", "no-referrer")),
                tag("title", title),
                tag("style", STYLE)),
            tag(
                "body",
                tag("a", style("skip"), with("href", "#content"), text("To the content")),
                tag("main", with("id", "content"), content),
                tag("footer", foot),
                tag("script", SCRIPT)))
        .document();
  }
}
