/* The pinned unit: its weights and bias to read and to change, and how they came about. */

import { element, shape } from "./dom.js";
import { readNumber } from "./format.js";

const MOST_ROWS = 30;

export class Panel {
  constructor(view) {
    this.view = view;
    this.root = element("div", { class: "panel", role: "group", hidden: true, onkeydown: (event) => event.key === "Escape" && this.close() });
    this.open();
  }

  get film() {
    return this.view.film;
  }

  open() {
    const { view, film } = this, { words } = film, { pinned } = view;
    this.root.hidden = !pinned;
    this.inputs = [];
    if (!pinned) return this.root.replaceChildren();
    const [layer, unit] = pinned, close = element("button", { type: "button", onclick: () => this.close() }, words.close);
    this.root.setAttribute("aria-label", view.drawing.name(layer, unit));
    const head = element("header", {}, element("b", {}, view.drawing.name(layer, unit)), close);
    if (layer === 0) return this.root.replaceChildren(head, element("p", { class: "note" }, words.inputNote));
    const { inputs } = film.layers[layer - 1], some = Array.from({ length: inputs }, (_, i) => i), last = film.weights(film.frames - 1);
    const place = (i) => film.network.place(layer - 1, i, unit);
    if (inputs > MOST_ROWS) some.sort((a, b) => Math.abs(last[place(b)]) - Math.abs(last[place(a)])).splice(MOST_ROWS);
    const rows = [[words.bias, place(-1)], ...some.map((i) => [layer === 1 && film.image ? `${words.pixel} ${i + 1}` : view.drawing.name(layer - 1, i), place(i)])];
    const body = rows.map(([name, at]) => {
      const input = element("input", { type: "text", inputmode: "decimal", "aria-label": `${name}`, onchange: () => this.typed(input, at), onkeydown: (event) => this.key(event, input, at) });
      const past = element("td", {}, this.history(at));
      this.inputs.push([input, at, past]);
      return element("tr", {}, element("th", { scope: "row" }, name), element("td", {}, input), past);
    });
    const columns = [layer === 1 && film.image ? words.strongest : words.from, words.weight, words.history];
    this.root.replaceChildren(head, element("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": words.weights }, element("table", {},
      element("thead", {}, element("tr", {}, ...columns.map((name) => element("th", { scope: "col" }, name)))), element("tbody", {}, ...body))));
    this.paint(view.weights);
  }

  /** The film has more frames. */
  grow() {
    for (const [, at, past] of this.inputs) past.replaceChildren(this.history(at));
  }

  /** Unpin the unit; it has the focus then. */
  close() {
    const { view } = this, [layer, unit] = view.pinned;
    view.pin(layer, unit);
    view.drawing.faces.get(`${layer}/${unit}`)?.focus();
  }

  /** A number with a decimal comma or point. */
  typed(input, at) {
    const value = readNumber(input.value);
    if (value !== null) this.view.edit(at, value);
    else this.paint(this.view.weights, true);
  }

  key(event, input, at) {
    const by = { ArrowUp: 0.1, ArrowDown: -0.1 }[event.key];
    if (!by) return;
    event.preventDefault();
    this.view.drag(at, this.view.weights[at] + by, this.view.edits.at(-1)?.[0] !== at);
  }

  history(at) {
    const values = this.film.history(at), low = Math.min(...values), span = Math.max(...values) - low || 1;
    const points = values.map((value, k) => `${((k / Math.max(1, values.length - 1)) * 108 + 1).toFixed(1)},${(20 - ((value - low) / span) * 18).toFixed(1)}`).join(" ");
    return shape("svg", { viewBox: "0 0 110 22", "aria-hidden": "true" }, shape("polyline", { points, fill: "none", stroke: this.view.palette.css.faint, "stroke-width": 1.3 }));
  }

  paint(weights, all = false) {
    const active = this.view.host.activeElement ?? document.activeElement;
    for (const [input, at] of this.inputs) {
      const text = this.view.format.significant(weights[at]);
      if (input.value !== text && (all || input !== active || !input.matches(":focus") || this.view.edits.length || this.view.playing)) input.value = text;
    }
  }
}
