/* What the network says: the decision surface, the fitted line, sample pictures, or a confusion matrix. While a unit is
hovered or pinned, its answer over the plane or the line. */

import { css } from "./colours.js";
import { range } from "./curves.js";
import { otherBorders } from "./borders.js";
import { element, pen, say } from "./dom.js";
import { label, predicted, probability } from "./network.js";
import { largest, paintClasses, paintInk, paintValues } from "./paint.js";

const LEFT = 40, BOTTOM = 30, TOP = 4, RIGHT = 8; // of charts, pixels
const MOST_POINTS = 400;

export class Result {
  constructor(view) {
    this.view = view;
    const { film } = this, { words } = film;
    this.title = element("h4", {});
    this.canvas = element("canvas", { class: "main", role: "img", tabindex: -1 });
    this.note = element("p", {});
    this.part = film.samples.validation[0] ? "validation" : "train";
    const numbers = film.extent?.[0].length, fits = film.task === "regression";
    this.kind = film.image ? "pictures" : numbers === 1 && fits ? "line" : numbers === 2 && !fits ? "plane" : "table";
    this.root = element("div", { class: "result" }, this.title);
    if (this.kind === "pictures") this.pictures(words);
    else this.root.append(this.canvas);
    if (!film.compact) this.root.append(this.note);
    this.words = { plane: words.surface, line: words.line, pictures: words.pictures, table: words.table }[this.kind];
    this.reset();
  }

  /** Forget what was taken from an earlier film. */
  reset() {
    const { film } = this, { words } = film;
    this.bordersOf = this.still = undefined;
    this.noteText = { plane: words.surfaceNote, line: words.lineNote, pictures: words.picturesNote, table: words.tableNote }[this.kind];
    if (this.kind === "plane" && film.others) this.noteText += ` ${words.others}`;
    this.note.textContent = this.noteText;
  }

  get film() {
    return this.view.film;
  }

  get x() {
    return this.film.parts[`${this.part}_x`];
  }

  get n() {
    return this.film.samples[this.part][0];
  }

  /** The raw inputs of the chosen sample. */
  get pixels() {
    const inputs = this.film.layers[0].inputs, { x, n } = this, at = Math.min(this.view.sample, n - 1);
    return Float32Array.from({ length: inputs }, (_, i) => x[i * n + at]);
  }

  paint(weights) {
    const { view } = this, chosen = this.kind === "plane" || this.kind === "line" ? view.chosen : null;
    say(this.title, chosen ? view.drawing.name(...chosen) : this.words);
    if (this.canvas.ariaLabel !== this.title.textContent) this.canvas.ariaLabel = this.title.textContent;
    if (chosen) this.note.style.minHeight ||= `${this.note.clientHeight}px`; // nothing below moves
    this.note.textContent = chosen ? this.film.words.valueNote : this.noteText;
    this[`${this.kind}Chart`](weights, chosen);
  }

  size(ratio) {
    const width = this.canvas.clientWidth || this.root.clientWidth || 300;
    return [width, Math.min(this.view.drawing.height, Math.round(width * ratio))];
  }

  planeChart(weights, chosen) {
    const { view, film } = this, { palette } = view, { responses } = view.drawing, [low, high] = film.extent;
    const ratio = (high[1] - low[1]) / (high[0] - low[0]), full = this.root.clientWidth || 300;
    const inner = Math.min(full - LEFT - RIGHT, (this.view.drawing.height - TOP - BOTTOM) / ratio), tall = inner * ratio;
    this.canvas.style.height = `${tall + TOP + BOTTOM}px`;
    const context = pen(this.canvas, full, tall + TOP + BOTTOM), image = responses.image(responses.across, responses.up);
    if (chosen) paintValues(image.data, responses.values(...chosen), responses.limit(...chosen), palette);
    else paintClasses(image.data, predicted(responses.layers.at(-1), responses.n, film.loss), responses.n, palette);
    responses.small.putImageData(image, 0, 0);
    context.imageSmoothingQuality = "high";
    context.drawImage(responses.small.canvas, LEFT, TOP, inner, tall);
    const x = scale(low[0], high[0], LEFT, LEFT + inner), y = scale(low[1], high[1], TOP + tall, TOP);
    const still = [full, tall, responses.level, !chosen].join();
    if (this.still !== still) { // what is the same in every frame
      this.still = still;
      this.over = element("canvas");
      const above = pen(this.over, full, tall + TOP + BOTTOM);
      if (!chosen && film.others) this.borders(above, responses, inner, tall);
      for (const part of ["train", "validation"]) this.points(above, part, x, y);
      this.axes(above, low, high, x, y, inner, tall, film.axes);
    }
    context.drawImage(this.over, 0, 0, full, tall + TOP + BOTTOM);
  }

  /** Where the other replicates end with their border. */
  borders(context, responses, inner, tall) {
    const { across, up } = responses;
    if (this.bordersOf !== responses.level) {
      this.bordersOf = responses.level;
      this.lines = otherBorders(this.film, responses.raw, across, up);
    }
    context.strokeStyle = css(this.view.palette.inkColour, 0.32);
    context.lineWidth = 1;
    context.beginPath();
    for (const line of this.lines) {
      for (let k = 0; k < line.length; k += 4) {
        context.moveTo(LEFT + (line[k] / across) * inner, TOP + (line[k + 1] / up) * tall);
        context.lineTo(LEFT + (line[k + 2] / across) * inner, TOP + (line[k + 3] / up) * tall);
      }
    }
    context.stroke();
  }

  /** Training points are filled, validation points are rings of the class's colour. */
  points(context, part, x, y) {
    const { film, view } = this, n = film.samples[part][0], xs = film.parts[`${part}_x`], ys = film.parts[`${part}_y`];
    const { palette } = view;
    for (let k = 0; k < Math.min(n, MOST_POINTS); k++) {
      const colour = palette.classes[ys[k] % palette.classes.length];
      context.beginPath();
      context.arc(x(xs[k]), y(xs[n + k]), 3, 0, 7);
      context.fillStyle = part === "train" ? css(colour) : css(palette.paper);
      context.strokeStyle = part === "train" ? css(palette.inkColour, 0.55) : css(colour);
      context.lineWidth = part === "train" ? 0.8 : 1.8;
      context.fill();
      context.stroke();
    }
  }

  axes(context, low, high, x, y, inner, tall, names) {
    const { palette, format } = this.view;
    context.fillStyle = palette.css.faint;
    context.font = "11px sans-serif";
    context.textAlign = "center";
    for (const value of ticks(low[0], high[0])) context.fillText(format.number(value), x(value), TOP + tall + 13);
    context.textAlign = "right";
    for (const value of ticks(low[1], high[1])) context.fillText(format.number(value), LEFT - 5, y(value) + 4);
    context.textAlign = "center";
    context.fillText(names[0] ?? "", LEFT + inner / 2, TOP + tall + 27);
    context.save();
    context.translate(9, TOP + tall / 2);
    context.rotate(-Math.PI / 2);
    context.fillText(names[1] ?? "", 0, 0);
    context.restore();
  }

  lineChart(weights, chosen) {
    const { view, film } = this, { palette } = view, { responses } = view.drawing, [[left], [right]] = film.extent;
    const values = chosen && chosen[0] ? responses.values(...chosen) : responses.layers.at(-1), [full, height] = this.size(0.72);
    this.canvas.style.height = `${height}px`;
    const context = pen(this.canvas, full, height), inner = full - LEFT - RIGHT, tall = height - TOP - BOTTOM;
    const targets = chosen ? [] : [...film.parts.train_y, ...film.parts.validation_y];
    const edge = chosen ? responses.limit(...chosen) : 0;
    const [low, high] = padded(chosen ? [-edge, edge] : targets);
    const x = scale(left, right, LEFT, LEFT + inner), y = scale(low, high, TOP + tall, TOP);
    context.save();
    context.beginPath();
    context.rect(LEFT, TOP, inner, tall);
    context.clip();
    context.strokeStyle = palette.css.accent;
    context.lineWidth = 2.2;
    context.beginPath();
    values.forEach((value, k) => context.lineTo(x(responses.raw[k]), y(value)));
    context.stroke();
    context.restore();
    if (!chosen) {
      for (const part of ["train", "validation"]) {
        const n = film.samples[part][0];
        context.fillStyle = palette[part];
        for (let k = 0; k < n; k++) {
          context.beginPath();
          context.arc(x(film.parts[`${part}_x`][k]), y(film.parts[`${part}_y`][k]), 4, 0, 7);
          context.fill();
        }
      }
    }
    context.strokeStyle = palette.hair;
    context.strokeRect(LEFT, TOP, inner, tall);
    this.axes(context, [left, low], [right, high], x, y, inner, tall, [film.axes[0], chosen ? "" : film.target]);
  }

  pictures(words) {
    const { film, view } = this, [rows, columns] = film.image;
    this.grid = element("div", { class: "pictures", role: "group", "aria-label": words.pictures });
    this.shown = Array.from({ length: this.n }, (_, k) => {
      const canvas = element("canvas", { width: columns, height: rows }), text = element("span");
      const button = element("button", { type: "button", "aria-pressed": "false", onclick: () => { view.sample = k; view.paint(); } }, canvas, text);
      this.grid.append(button);
      const pixels = Float32Array.from({ length: rows * columns }, (_, i) => this.x[i * this.n + k]);
      const context = canvas.getContext("2d"), image = context.createImageData(columns, rows);
      paintInk(image.data, pixels, film.full, view.palette.inkColour, view.palette.paper);
      context.putImageData(image, 0, 0);
      return { button, text };
    });
    this.bars = element("div", { class: "bars", role: "group", "aria-label": words.probabilities });
    this.rows = film.classes.map((name) => {
      const bar = element("i"), value = element("span");
      this.bars.append(element("span", {}, name), bar, value);
      return { bar, value };
    });
    this.root.append(this.grid, this.bars);
  }

  picturesChart(weights) {
    const { film, view } = this, { n } = this, y = film.parts[`${this.part}_y`];
    this.layers = film.network.forward(weights, film.inputs(this.part), n, this.layers);
    const p = predicted(this.layers.at(-1), n, film.loss), { format } = view;
    this.shown.forEach(({ button, text }, k) => {
      const best = label(p, n, k), right = best === y[k], said = right ? `✓ ${film.classes[best]}` : `✗ ${film.classes[y[k]]}→${film.classes[best]}`;
      if (text.textContent !== said) {
        text.textContent = said;
        text.className = right ? "" : "wrong";
        button.ariaLabel = said;
      }
      button.setAttribute("aria-pressed", k === view.sample ? "true" : "false");
    });
    this.rows.forEach(({ bar, value }, j) => {
      const own = probability(p, n, view.sample, j);
      bar.style.width = `${Math.max(1, 100 * own)}%`;
      bar.style.background = css(view.palette.classes[j % view.palette.classes.length]);
      value.textContent = format.percent(own);
    });
  }

  tableChart(weights) {
    const { film, view, n } = this, { palette } = view, y = film.parts[`${this.part}_y`], k = film.classes.length;
    this.layers = film.network.forward(weights, film.inputs(this.part), n, this.layers);
    const p = predicted(this.layers.at(-1), n, film.loss), counts = new Float32Array(k * k);
    for (let s = 0; s < n; s++) counts[y[s] * k + label(p, n, s)]++;
    const [full, height] = this.size(0.72), context = pen(this.canvas, full, height), inner = full - LEFT - RIGHT, tall = height - TOP - BOTTOM, most = largest(counts);
    this.canvas.style.height = `${height}px`;
    context.font = "12px sans-serif";
    context.textAlign = "center";
    counts.forEach((count, at) => {
      const row = (at / k) | 0, column = at % k, w = inner / k, h = tall / k, x = LEFT + column * w, top = TOP + row * h;
      context.fillStyle = css(row === column ? palette.classes[2] : palette.classes[4], 0.08 + 0.5 * (count / most));
      context.fillRect(x + 1, top + 1, w - 2, h - 2);
      context.fillStyle = palette.css.ink;
      context.fillText(view.format.whole(count), x + w / 2, top + h / 2 + 4);
    });
    context.fillStyle = palette.css.faint;
    film.classes.forEach((name, j) => {
      context.fillText(name, LEFT + ((j + 0.5) * inner) / k, height - 16);
      context.fillText(name, LEFT / 2, TOP + ((j + 0.5) * tall) / k + 4);
    });
    context.fillText(film.words.predictedClass, LEFT + inner / 2, height - 2);
  }
}

/** Where a value from low to high is drawn, in pixels. */
const scale = (low, high, from, to) => (value) => from + ((value - low) / (high - low)) * (to - from);

/** The range of values with a tenth of it at both ends. */
function padded(values) {
  const [low, high] = range(values, false) ?? [0, 1], room = (high - low) * 0.1 || 1;
  return [low - room, high + room];
}

/** About four round numbers within a range. */
export function ticks(low, high) {
  const rough = (high - low) / 4, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].reduce((best, k) => (Math.abs(k * power - rough) < Math.abs(best - rough) ? k * power : best), power);
  const found = [];
  for (let value = Math.ceil(low / step) * step; value <= high; value += step) found.push(Math.abs(value) < step / 1e6 ? 0 : value);
  return found;
}
