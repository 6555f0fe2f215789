/* The network view: a training as a film. Streamlit calls the default export with the bytes of a film
(nnlab/analysis/film.py), again whenever they change. */

import { Curves } from "./curves.js";
import { Palette, rgb } from "./colours.js";
import { element, keepFocus, say } from "./dom.js";
import { readFilm } from "./film.js";
import { Drawing } from "./drawing.js";
import { Panel } from "./panel.js";
import { Result } from "./result.js";
import { lossAndScore } from "./network.js";
import { formatter } from "./format.js";
import { keep, restored } from "./kept.js";
import { saveButtons } from "./save.js";
import { valuesTable } from "./values.js";

const PLAY_SECONDS = 5;
const SPEEDS = [0.25, 0.5, 1, 2, 4];
const NARROW = 640, COMPACT = 480; // pixels, below which the parts stand one below the other
const FEW_LAYERS = 3; // up to so many the network takes no more room than what it says

const SHAPE = ["id", "layers", "words", "image", "features", "classes", "extent", "charted", "editable", "compact"];
/* What of a film decides which elements a view has. */

const views = new WeakMap();

export default function mount({ data, parentElement, setStateValue, setTriggerValue }) {
  try {
    const film = readFilm(data);
    const view = views.get(parentElement) ?? new View(parentElement);
    views.set(parentElement, view);
    view.report = { setStateValue, setTriggerValue };
    view.show(film);
    return () => view.leave();
  } catch (error) {
    console.error(error); // an error that leaves this function is shown with its stack
  }
}

class View {
  constructor(host) {
    this.host = host;
    this.root = element("section", { class: "view", onkeydown: (event) => event.stopPropagation() });
    host.append(this.root);
    this.frame = 0;
    this.speed = 1;
    this.playing = false;
    this.edits = []; // [place in the vector of weights, value], the latest last
    this.pinned = null; // [layer, unit] with layer 0 for the inputs
    this.hovered = null;
    this.sample = 0;
    this.hides = () => this.root.isConnected && this.film && keep(sessionStorage, this);
    addEventListener("pagehide", this.hides);
    new ResizeObserver(() => this.resized()).observe(this.root);
  }

  /** The page has no place for the view any more. */
  leave() {
    removeEventListener("pagehide", this.hides);
    clearTimeout(this.telling);
  }

  /** Another film, or the same one with more frames. */
  show(film) {
    const before = this.film, first = before?.id !== film.id, atEnd = before && this.frame >= before.frames - 1;
    this.film = film;
    this.format = formatter(film);
    const style = getComputedStyle(this.root), paper = opaque(style.getPropertyValue("--st-background-color"));
    const theme = paper[0] + paper[1] + paper[2] < 384 ? "dark" : "light";
    this.palette = new Palette(film.colours[theme], paper);
    for (const [name, colour] of Object.entries(film.colours[theme].css)) this.root.style.setProperty(`--${name}`, colour);
    const kept = first ? restored(sessionStorage, film) : null;
    if (first) Object.assign(this, { edits: [], pinned: null, hovered: null, sample: 0, stopped: kept !== null }, kept);
    const shape = [theme, ...SHAPE.map((name) => film[name])].map((one) => JSON.stringify(one)).join();
    if (shape === this.shape && (film.live || this.drawing.fits())) this.grow();
    else keepFocus(this.host, () => this.build());
    this.shape = shape;
    const last = film.frames - 1, still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (film.live) {
      if (first || (atEnd && !this.stopped)) this.frame = last;
    } else if ((first && !kept) || (this.wasLive && !this.stopped)) {
      this.frame = film.start === null ? last : film.frameAt(film.start);
      if (film.start === null && !still && last > 0) this.play(0);
    }
    this.wasLive = film.live;
    this.frame = Math.min(this.frame, last);
    this.paint();
  }

  build() {
    const { film } = this, { words } = film;
    this.drawing = new Drawing(this);
    this.result = new Result(this);
    this.panel = new Panel(this);
    this.charts = element("div", { class: "curves" });
    this.playButton = element("button", { type: "button", class: "play", onclick: () => (this.playing ? this.pause() : this.play()) });
    this.slider = element("input", { type: "range", min: 0, max: film.frames - 1, step: 1, "aria-label": words.epoch,
      oninput: () => { this.pause(); this.go(Number(this.slider.value)); } });
    this.output = element("span", { class: "epoch" });
    const step = (by, label, sign) => element("button", { type: "button", title: label, "aria-label": label,
      onclick: () => { this.pause(); this.go(this.frame + by); } }, sign);
    const speed = element("select", { "aria-label": words.speed, title: words.speed, onchange: (event) => { this.speed = Number(event.target.value); } },
      ...SPEEDS.map((value) => element("option", { value, selected: value === this.speed }, `${this.format.number(value)}×`)));
    this.undo = element("button", { type: "button", onclick: () => this.undoEdit() }, words.undo);
    this.status = element("p", { class: "note", role: "status" });
    const controls = element("div", { class: "controls", role: "group", "aria-label": words.player },
      step(-1, words.back, "◂"), this.playButton, step(1, words.forward, "▸"), this.slider, this.output, speed, this.undo);
    this.table = valuesTable(this);
    const open = new Map([...this.root.querySelectorAll("details")].map((one) => [one.className, one.open]));
    const stage = element("div", { class: film.layers.length > FEW_LAYERS ? "stage deep" : "stage" }, this.drawing.root, this.result.root);
    if (film.compact) this.root.replaceChildren(stage, element("div", { class: "controls" }, this.playButton, this.slider, this.output));
    else this.root.replaceChildren(controls, stage, this.drawing.legend(), this.status, this.panel.root,
      this.charts,
      element("div", { class: "controls" }, this.table.root, ...saveButtons(this)));
    for (const one of this.root.querySelectorAll("details")) one.open = open.get(one.className) ?? false;
    this.chart();
    this.resized();
  }

  /** More frames of the same film: no element that can be pressed is replaced, since a press in that moment would be
  lost. */
  grow() {
    this.slider.max = this.film.frames - 1;
    this.drawing.grow();
    this.result.reset();
    this.panel.grow();
    this.chart();
  }

  chart() {
    const { film } = this, { words } = film;
    this.curves = (film.charted ? ["loss", "score"] : []).filter((name) => name === "loss" || film.score !== "mse")
      .map((name) => new Curves(film, name, words, (figure, value) => this.format.figure(figure, value), this.palette));
    const note = film.parts.band && this.curves.length ? [element("p", { class: "note" }, words.band)] : [];
    this.charts.replaceChildren(...this.curves.map((one) => one.root), ...note);
  }

  resized() {
    const width = this.root.clientWidth;
    if (!width || !this.film || (width === this.width && this.drawing.layout)) return;
    this.width = width;
    this.root.classList.toggle("narrow", width < (this.film.compact ? COMPACT : NARROW));
    keepFocus(this.host, () => this.drawing.place());
    this.paint();
  }

  /** The weights shown: those of the frame with what the visitor has changed. */
  get weights() {
    const stored = this.film.weights(this.frame);
    if (!this.edits.length) return stored;
    const changed = stored.slice();
    for (const [place, value] of this.edits) changed[place] = value;
    return changed;
  }

  get epoch() {
    return this.film.epochs[this.frame];
  }

  /** Which values every picture of a unit shows; what is hovered comes before what is pinned. */
  get chosen() {
    return this.hovered ?? this.pinned;
  }

  play(from = this.frame >= this.film.frames - 1 ? 0 : this.frame) {
    this.stopped = false;
    this.playing = true;
    this.frame = from;
    let last = null, place = from;
    const tick = (now) => {
      if (!this.playing || !this.root.isConnected) return;
      const end = this.film.frames - 1, rate = (Math.max(end, 10) / PLAY_SECONDS) * this.speed;
      place = Math.min(end, place + (last === null ? 0 : ((now - last) / 1000) * rate));
      last = now;
      const frame = Math.floor(place);
      if (frame !== this.frame) this.go(frame, false);
      if (frame >= end) this.film.live ? this.finish() : this.pause();
      else requestAnimationFrame(tick);
    };
    this.paint();
    requestAnimationFrame(tick);
  }

  finish() {
    this.playing = false;
    this.paint();
  }

  pause() {
    if (this.film.live) this.stopped = true;
    if (this.playing) {
      this.playing = false;
      this.tell();
    }
    this.paint();
  }

  go(frame, rests = true) {
    this.frame = Math.max(0, Math.min(this.film.frames - 1, frame));
    this.paint();
    if (rests) this.tell();
  }

  /** Tell the page the epoch, once the film rests. */
  tell() {
    if (!this.film.reports) return;
    clearTimeout(this.telling);
    this.telling = setTimeout(() => this.report.setStateValue("epoch", this.epoch), 250);
  }

  edit(place, value) {
    if (!Number.isFinite(value)) return;
    this.pause();
    this.edits.push([place, Math.fround(value)]);
    this.paint();
  }

  /** While a line is dragged: replaces the last change of the same weight. */
  drag(place, value, begins) {
    if (!begins && this.edits.at(-1)?.[0] === place) this.edits.pop();
    this.edit(place, value);
  }

  undoEdit() {
    this.edits.pop();
    if (!this.edits.length) this.playButton.focus(); // the button for undoing goes
    this.paint();
  }

  pin(layer, unit) {
    const same = this.pinned && this.pinned[0] === layer && this.pinned[1] === unit;
    this.pinned = same ? null : [layer, unit];
    this.panel.open();
    if (this.film.reports && !same) this.report.setStateValue("layer", Math.max(0, layer - 1));
    this.paint();
  }

  hover(layer, unit) {
    this.hovered = layer === null ? null : [layer, unit];
    this.paint();
  }

  paint() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      if (this.drawing?.layout) this.paintNow(); // without one the page has no width yet
    });
  }

  paintNow() {
    const { film, weights } = this, { words } = film;
    this.drawing.paint(weights);
    this.result.paint(weights);
    this.panel.paint(weights);
    const best = film.best && this.frame === film.frames - 1 ? film.best : null;
    const changed = this.edits.length ? this.figures(weights) : null, figures = changed ?? best; // not those of the curve
    for (const curve of this.curves) curve.at(this.epoch, figures?.[curve.figure]);
    this.table.paint(weights);
    this.slider.value = this.frame;
    const total = film.live ? film.planned : film.epochs.at(-1);
    this.output.textContent = `${words.epoch} ${this.format.whole(this.epoch)} / ${this.format.whole(total)}`;
    this.slider.setAttribute("aria-valuetext", this.output.textContent);
    const label = this.playing ? words.pause : words.play;
    say(this.playButton, this.playing ? "❚❚" : "▶");
    if (this.playButton.title !== label) this.playButton.title = this.playButton.ariaLabel = label;
    this.playButton.disabled = film.frames < 2;
    this.undo.hidden = !this.edits.length;
    const said = [weights.every(Number.isFinite) ? "" : words.diverged, best ? words.best.replace("{n}", this.format.whole(best.epoch)) : "",
      ...(changed ? [words.changed, this.curves.length ? "" : this.losses(changed.loss), this.measured()] : [])];
    say(this.status, said.filter(Boolean).join(" "));
    this.status.hidden = !this.status.textContent;
    Object.assign(this.root.dataset, { film: film.id, epoch: this.epoch });
  }

  /** The loss on both parts in words, where no curves show it. */
  losses(values) {
    const { words } = this.film, parts = [words.train, words.validation].map((word) => word.toLowerCase());
    const known = values.map((value, k) => (Number.isFinite(value) ? `${this.format.figure("loss", value)} (${parts[k]})` : "")).filter(Boolean);
    return `${words.loss} ${known.join(", ")}.`;
  }

  /** On which samples changed weights are measured, where a film has not all. */
  measured() {
    const { samples, words } = this.film;
    if (Object.values(samples).every(([some, all]) => some === all)) return "";
    return words.measured.replace(/{(\w+)}/g, (_, part) => this.format.whole(samples[part][0]));
  }

  /** Loss and score on both parts, of these weights: {loss: [train, validation], score: [...]}. */
  figures(weights) {
    const { film } = this, found = ["train", "validation"].map((part) => {
      const n = film.samples[part][0];
      if (!n) return [NaN, NaN];
      return lossAndScore(film.network.forward(weights, film.inputs(part), n).at(-1), film.parts[`${part}_y`], n, film.loss);
    });
    return { loss: found.map((one) => one[0]), score: found.map((one) => one[1]) };
  }
}

/** A CSS colour as numbers. */
function opaque(colour) {
  const probe = document.createElement("canvas").getContext("2d");
  probe.fillStyle = colour.trim() || "#ffffff";
  return rgb(probe.fillStyle);
}
