"use strict";

/* Reads out what is drawn under the pointer. */
for (const figure of document.querySelectorAll("figure[data-series]")) {
  const series = JSON.parse(figure.dataset.series);
  const places = [...new Set(series.flatMap((s) => s.x))];
  const readout = figure.querySelector("output");
  const number = new Intl.NumberFormat("en", { maximumSignificantDigits: 5 });
  for (const svg of figure.querySelectorAll("svg.plot")) {
    const { low, high, from, to } = Object.fromEntries(
      ["low", "high", "from", "to"].map((name) => [name, Number(svg.dataset[name])]));
    const cursor = svg.querySelector(".cursor");
    svg.addEventListener("pointermove", (event) => {
      const box = svg.getBoundingClientRect();
      const at = ((event.clientX - box.left) / box.width) * svg.viewBox.baseVal.width;
      const value = low + ((at - from) / (to - from)) * (high - low);
      const nearest = places.reduce((a, b) => (Math.abs(b - value) < Math.abs(a - value) ? b : a));
      const x = from + ((nearest - low) / (high - low)) * (to - from);
      cursor.setAttribute("x1", x);
      cursor.setAttribute("x2", x);
      svg.classList.add("reading");
      const values = series
        .map((s) => [s.name, s.y[s.x.indexOf(nearest)]])
        .filter(([, y]) => y !== undefined)
        .map(([name, y]) => (series.length > 1 ? name.split(",")[0] + " " : "") + number.format(y));
      readout.textContent = figure.dataset.along + " " + number.format(nearest) + ": " + values.join(", ");
    });
    svg.addEventListener("pointerleave", () => {
      svg.classList.remove("reading");
      readout.textContent = "";
    });
  }
}

/* Sorts a table by the column whose head is pressed; numbers first by size, texts by their letters, nothing last. */
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.querySelectorAll("thead th")];
  const body = table.tBodies[0];
  const key = (row, column) => row.cells[column].dataset.key;
  heads.forEach((head, column) => {
    if (![...body.rows].some((row) => key(row, column) !== "")) return;
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const numbers = [...body.rows].every((row) => key(row, column) === "" || !Number.isNaN(Number(key(row, column))));
      const order = (a, b) => (numbers ? a - b : a < b ? -1 : a > b ? 1 : 0);
      const rows = [...body.rows].sort((one, other) => {
        const a = key(one, column);
        const b = key(other, column);
        if (a === "" || b === "") return (a === "") - (b === "");
        return up ? order(a, b) : order(b, a);
      });
      body.replaceChildren(...rows);
    });
  });
}

/* On paper nothing can be unfolded. */
addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll("details")) details.open = true;
});
