/* The same as a table, for screen readers and for copying: every weight of the drawn network at the epoch shown. */

import { element } from "./dom.js";

export function valuesTable(view) {
  const { film } = view, { words } = film, body = element("div", { class: "values", tabindex: 0, role: "group", "aria-label": words.asTable });
  const root = element("details", { class: "as-table", ontoggle: () => view.paint() }, element("summary", {}, words.asTable), body);
  return {
    root,
    paint(weights) {
      if (!root.open) return;
      const rows = [];
      film.layers.forEach((layer, i) => {
        for (const unit of view.drawing.units[i + 1]) {
          const own = film.image && i === 0 ? [] : view.drawing.units[i].map((from) => `${view.drawing.name(i, from)}: ${view.format.significant(weights[film.network.place(i, from, unit)])}`);
          rows.push([view.drawing.name(i + 1, unit), view.format.significant(weights[film.network.place(i, -1, unit)]), own.join(" · ")]);
        }
      });
      const head = [words.unit, words.bias, words.weights].map((name) => element("th", { scope: "col" }, name));
      body.replaceChildren(element("table", {}, element("thead", {}, element("tr", {}, ...head)),
        element("tbody", {}, ...rows.map(([name, ...cells]) => element("tr", {}, element("th", { scope: "row" }, name), ...cells.map((cell) => element("td", {}, cell)))))));
    },
  };
}
