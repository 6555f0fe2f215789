/* The network as a drawing: a picture a unit, a line a weight. */

import { css } from "./colours.js";
import { element, pen } from "./dom.js";
import { drawnUnits, folded, lines, nearest, place } from "./layout.js";
import { Responses } from "./responses.js";

const DRAG = 120; // pixels up or down that change a weight by the largest one of its layer

export class Drawing {
  constructor(view) {
    this.view = view;
    this.height = this.film.compact ? 210 : 380;
    this.units = drawnUnits(this.film);
    this.responses = new Responses(view);
    this.canvas = element("canvas", { class: "lines", onpointerdown: (event) => this.press(event), onpointermove: (event) => this.move(event),
      onpointerup: () => this.release(), onpointercancel: () => this.release(), onpointerleave: () => this.release() });
    this.faces = new Map(); // "layer/unit" → its button
    this.buttons();
    this.box = element("div", {}); // of labels and buttons beside the units
    this.net = element("div", { class: "net", role: "group", "aria-label": this.film.words.network }, this.canvas, ...this.faces.values(), this.box);
    this.root = element("div", {}, this.net, this.film.editable ? this.layers() : null);
  }

  get film() {
    return this.view.film;
  }

  /** What colours, lines and squares mean, and the rule by which units are left out. */
  legend() {
    const { view, film } = this, { words } = film, { ramp } = view.palette;
    const colours = [0, 64, 128, 192, 256].map((k) => css(ramp[k]));
    const squares = { plane: words.squaresPlane, line: words.squaresLine, sample: film.image ? words.squaresPicture : words.squaresSample }[this.responses.kind];
    return element("p", { class: "note legend" }, element("i", { style: `background:linear-gradient(to right, ${colours})` }),
      element("span", {}, [words.legend, squares, words.change, folded(film, this.units) ? words.folded : "", film.layers.some((one) => one.frozen) ? words.frozen : ""].filter(Boolean).join(" ")));
  }

  buttons() {
    const { view } = this;
    let first = true;
    this.units.forEach((units, layer) => units.forEach((unit) => {
      const face = element("button", { type: "button", class: "unit", tabindex: first ? 0 : -1, "data-unit": `${layer}/${unit}`,
        "aria-pressed": "false", "aria-label": this.name(layer, unit),
        onclick: () => view.pin(layer, unit), onpointerenter: () => view.hover(layer, unit), onpointerleave: () => view.hover(null),
        onfocus: (event) => { this.tab(face); if (event.target.matches(":focus-visible")) view.hover(layer, unit); },
        onblur: () => view.hover(null), onkeydown: (event) => this.key(event, layer, unit) });
      first = false;
      this.faces.set(`${layer}/${unit}`, face);
    }));
  }

  /** Whether the units drawn are those that a finished film draws. */
  fits() {
    return JSON.stringify(drawnUnits(this.film)) === JSON.stringify(this.units);
  }

  /** The film has more frames. */
  grow() {
    this.responses.limits = undefined;
    if (this.layout) this.lines = lines(this.film, this.layout);
  }

  /** "Layer 2, neuron 3", or the name of an input or output. */
  name(layer, unit) {
    const { film } = this, { words } = film;
    if (layer === 0) return film.image ? words.picture : `${words.input} ${film.features[unit] ?? unit + 1}`;
    if (layer < film.layers.length) return `${words.layer} ${layer}, ${words.neuron} ${unit + 1}`;
    return `${words.output}${film.layers.at(-1).width > 1 ? ` ${film.classes[unit] ?? unit + 1}` : ""}`;
  }

  place() {
    const width = this.net.clientWidth || this.view.root.clientWidth;
    if (!width) return;
    const { film } = this;
    this.layout = place(film, this.units, width, this.height);
    this.lines = lines(film, this.layout);
    this.canvas.style.width = `${this.layout.width}px`;
    this.canvas.style.height = `${this.height}px`;
    const parts = [], { side, columns } = this.layout;
    columns.forEach(({ x, units, more }, layer) => {
      for (const { unit, y } of units) {
        const face = this.faces.get(`${layer}/${unit}`);
        Object.assign(face.style, { left: `${x}px`, top: `${y}px`, width: `${side}px`, height: `${side}px` });
        const last = layer === film.layers.length && film.layers.at(-1).width > 1, text = layer === 0 && !film.image ? film.features[unit] : last ? film.classes[unit] : null;
        if (text) parts.push(element("span", { class: `label ${layer ? "right" : "left"}`, style: `left:${x + (layer ? 1 : -1) * (side / 2 + 5)}px;top:${y}px` }, text));
      }
      if (more > 0) {
        const y = units.at(-1).y + side / 2 + 10;
        parts.push(element("span", { class: "label", style: `left:${x}px;top:${y}px` }, `+${more}`));
      }
      const captions = [film.words.input, film.words.output], at = layer ? layer === columns.length - 1 ? captions[1] : `${layer}` : captions[0];
      parts.push(element("span", { class: "label", style: `left:${x}px;top:9px` }, at));
      if (film.editable && layer && layer < columns.length - 1) parts.push(this.change(layer, x));
    });
    this.box.replaceChildren(...parts);
  }

  /** The two buttons that remove and add a hidden layer. */
  layers() {
    const { words, layers, editable } = this.film, depth = layers.length - 1;
    return element("div", { class: "layers" }, words.hidden, this.asks("layer-", null, words.fewerLayers, "−", depth === 0),
      element("b", {}, `${depth}`), this.asks("layer+", null, words.moreLayers, "+", depth >= editable[0]));
  }

  /** The two buttons that change the width of a layer. */
  change(layer, x) {
    const { words, layers, editable } = this.film, { width } = layers[layer - 1];
    return element("span", { class: "edit", style: `left:${x}px;top:${this.height - 12}px` },
      this.asks("unit-", layer, words.fewerNeurons, "−", width <= 1), this.asks("unit+", layer, words.moreNeurons, "+", width >= editable[1]));
  }

  /** A button that asks the page for another network; `layer` counts from 1. */
  asks(kind, layer, label, sign, disabled) {
    const name = layer ? `${this.film.words.layer} ${layer}: ${label}` : label;
    return element("button", { type: "button", title: label, "aria-label": name, disabled,
      onclick: () => this.view.report.setTriggerValue("change", { kind, layer: layer && layer - 1 }) }, sign);
  }

  tab(face) {
    for (const other of this.faces.values()) other.tabIndex = other === face ? 0 : -1;
  }

  /** Arrow keys move among the units; all of them are one stop of the tab key. */
  key(event, layer, unit) {
    const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!move) return;
    event.preventDefault();
    const column = Math.max(0, Math.min(this.units.length - 1, layer + move[0]));
    const row = Math.max(0, Math.min(this.units[column].length - 1, this.units[layer].indexOf(unit) + move[1]));
    this.faces.get(`${column}/${this.units[column][row]}`).focus();
  }

  at(event) {
    const box = this.canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  press(event) {
    const line = nearest(this.lines ?? [], ...this.at(event));
    if (!line || line.place < 0) return;
    this.canvas.setPointerCapture(event.pointerId);
    event.preventDefault();
    this.dragged = { line, y: event.clientY, value: this.view.weights[line.place], begins: true };
    this.view.paint();
  }

  move(event) {
    if (!this.dragged) {
      const line = nearest(this.lines ?? [], ...this.at(event));
      this.canvas.style.cursor = line && line.place >= 0 ? "ns-resize" : "";
      this.canvas.title = line && line.place >= 0 ? `${this.film.words.weight} ${this.view.format.significant(this.view.weights[line.place])}. ${this.film.words.drag}` : "";
      if (line !== this.lit) this.view.paint();
      this.lit = line;
      return;
    }
    const { line, y, value, begins } = this.dragged;
    this.view.drag(line.place, value + ((y - event.clientY) / DRAG) * this.film.limits[line.layer], begins);
    this.dragged.begins = false;
  }

  release() {
    this.dragged = null;
    if (this.lit) this.view.paint();
    this.lit = null;
  }

  paint(weights) {
    if (!this.layout) this.place();
    if (!this.layout) return;
    this.responses.compute(weights);
    const { side, columns, width } = this.layout, context = pen(this.canvas, width, this.height), { pinned } = this.view;
    this.paintLines(context, weights);
    columns.forEach(({ x, units }, layer) => units.forEach(({ unit, y }) => { // one canvas for all: fifty are slow to show
      this.responses.face(context, [x - side / 2, y - side / 2, side], layer, unit, weights);
      const pressed = `${pinned?.[0] === layer && pinned?.[1] === unit}`, face = this.faces.get(`${layer}/${unit}`);
      if (face.ariaPressed !== pressed) face.ariaPressed = pressed;
    }));
  }

  paintLines(context, weights) {
    const { view, layout } = this, chosen = view.chosen;
    context.lineCap = "round";
    for (const line of this.lines) {
      const { colour, opacity, width, dash } = lineLook(view, line, weights);
      const own = chosen && ((line.layer + 1 === chosen[0] && line.to === chosen[1]) || (line.layer === chosen[0] && line.from === chosen[1]));
      const lit = own || line === this.lit || line === this.dragged?.line;
      context.strokeStyle = css(colour, lit ? 1 : chosen ? 0.15 : opacity);
      context.lineWidth = width + (lit ? 1 : 0);
      context.setLineDash(dash);
      context.beginPath();
      context.moveTo(line.x1 + layout.side / 2, line.y1);
      const middle = (line.x1 + line.x2) / 2;
      context.bezierCurveTo(middle, line.y1, middle, line.y2, line.x2 - layout.side / 2, line.y2);
      context.stroke();
    }
    context.setLineDash([]);
  }
}

/** How the line of a weight looks: the larger, the thicker; thin and grey without a weight, or one that is no number. */
export function lineLook({ film, palette }, line, weights) {
  const share = line.place < 0 ? NaN : weights[line.place] / film.limits[line.layer], good = Number.isFinite(share);
  const size = good ? Math.min(1, Math.abs(share)) : 0.2;
  const colour = good ? palette.line(share) : palette.paper.map((value) => (value + 128) / 2);
  return { colour, opacity: 0.3 + 0.6 * size, width: 0.5 + 4.5 * size, dash: film.layers[line.layer].frozen ? [5, 4] : [] };
}
