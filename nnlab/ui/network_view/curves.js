/* Loss and score over the epochs, with a cursor at the epoch shown. */

import { element, say, shape } from "./dom.js";

const WIDTH = 420, HEIGHT = 120, LEFT = 46, RIGHT = 8, TOP = 8, BOTTOM = 20;
const WIDE = 100; // largest over smallest loss, above which the axis is logarithmic

const COLUMNS = { loss: [1, 3], score: [2, 4] };

/** The range of finite values; with `log` that of positive ones. */
export function range(values, log) {
  let low = Infinity, high = -Infinity;
  for (const value of values) {
    if (!Number.isFinite(value) || (log && value <= 0)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return low <= high ? [low, high] : null;
}

/** A range with room where it is a single value, however large. */
export function wide([low, high]) {
  return high > low ? [low, high] : [low - Math.max(0.5, Math.abs(low) / 2), low + Math.max(0.5, Math.abs(low) / 2)];
}

/** Whether values span so much that an axis should be logarithmic. */
export function spansDecades(values) {
  const found = range(values, true);
  return found !== null && found[1] > WIDE * found[0];
}

export class Curves {
  /** @param {"loss" | "score"} figure */
  constructor(film, figure, words, format, palette) {
    Object.assign(this, { film, figure, words, format, palette });
    const { curves } = film.parts, rows = curves.length / 5, [train, validation] = COLUMNS[figure];
    const column = (k) => Array.from({ length: rows }, (_, row) => curves[5 * row + k]);
    this.epochs = column(0);
    this.train = column(train);
    this.validation = column(validation);
    this.bands = film.parts.band ? [0, 1].map((k) => [0, 4].map((end) => Array.from({ length: rows }, (_, row) => film.parts.band[8 * row + end + COLUMNS[figure][k] - 1]))) : [];
    const all = [...this.train, ...this.validation, ...this.bands.flat(2)];
    this.log = figure === "loss" && spansDecades(all);
    [this.low, this.high] = wide(range(all, this.log) ?? [0, 1]);
    this.last = Math.max(1, film.planned && film.live ? film.planned : this.epochs.at(-1) ?? 1);
    this.root = this.draw();
  }

  x(epoch) {
    return LEFT + (epoch / this.last) * (WIDTH - LEFT - RIGHT);
  }

  y(value) {
    const f = this.log ? Math.log : (v) => v;
    return TOP + (1 - (f(value) - f(this.low)) / (f(this.high) - f(this.low))) * (HEIGHT - TOP - BOTTOM);
  }

  path(values) {
    let drawn = "", begun = false;
    values.forEach((value, k) => {
      const good = Number.isFinite(value) && (!this.log || value > 0);
      if (good) drawn += `${begun ? "L" : "M"}${this.x(this.epochs[k]).toFixed(1)} ${this.y(value).toFixed(1)}`;
      begun = good;
    });
    return drawn;
  }

  /** The area between the lowest and the highest of all replicates. */
  area([low, high]) {
    const good = low.map((value, k) => k).filter((k) => Number.isFinite(low[k]) && Number.isFinite(high[k]) && (!this.log || low[k] > 0));
    const at = (values) => (k) => `${this.x(this.epochs[k]).toFixed(1)} ${this.y(values[k]).toFixed(1)}`;
    return good.length ? `M${[...good.map(at(low)), ...good.reverse().map(at(high))].join("L")}Z` : "";
  }

  draw() {
    const { words, palette, figure } = this, mark = (value) => {
      const y = this.y(value);
      return [
        shape("line", { x1: LEFT, x2: WIDTH - RIGHT, y1: y, y2: y, stroke: palette.hair }),
        shape("text", { x: LEFT - 6, y: y + 4, "text-anchor": "end", class: "tick" }, this.format(figure, value)),
      ];
    };
    this.cursor = shape("line", { y1: TOP, y2: HEIGHT - BOTTOM, class: "cursor" });
    this.dots = [this.train, this.validation].map((_, k) =>
      shape("circle", { r: 3.5, fill: k ? palette.validation : palette.train }));
    const svg = shape("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img" },
      shape("title", {}, `${words[figure]}. ${words.train}, ${words.validation}`),
      ...mark(this.low), ...mark(this.high),
      ...this.bands.map((band, k) => shape("path", { d: this.area(band), class: "band", fill: k ? palette.validation : palette.train })),
      shape("path", { d: this.path(this.train), class: "curve", stroke: palette.train }),
      shape("path", { d: this.path(this.validation), class: "curve dashed", stroke: palette.validation }),
      shape("text", { x: LEFT, y: HEIGHT - 5, class: "tick" }, "0"),
      shape("text", { x: WIDTH - RIGHT, y: HEIGHT - 5, "text-anchor": "end", class: "tick" }, `${words.epoch} ${this.last}`),
      this.cursor, ...this.dots);
    this.now = element("span", { class: "now" }, element("span", { class: "train" }), element("span", { class: "validation" }));
    return element("figure", {}, element("figcaption", {}, element("b", {}, words[figure] + (this.log ? ` (${words.log})` : "")), this.now), svg);
  }

  /** Move the cursor; `changed` are training and validation figures of a network that the visitor has changed. */
  at(epoch, changed = null) {
    const { words, figure } = this, x = this.x(epoch);
    this.cursor.setAttribute("x1", x);
    this.cursor.setAttribute("x2", x);
    let row = 0;
    while (row + 1 < this.epochs.length && this.epochs[row + 1] <= epoch) row++;
    const values = changed ?? [this.train[row], this.validation[row]];
    values.forEach((value, k) => {
      const shown = Number.isFinite(value) && (!this.log || value > 0) && this.epochs.length > 0;
      this.dots[k].setAttribute("visibility", shown ? "visible" : "hidden");
      if (!shown) return;
      this.dots[k].setAttribute("cx", x);
      this.dots[k].setAttribute("cy", Math.max(0, Math.min(HEIGHT, this.y(value))));
    });
    ["train", "validation"].forEach((name, k) =>
      say(this.now.children[k], Number.isFinite(values[k]) ? `${words[name]} ${this.format(figure, values[k])}` : ""));
  }
}
