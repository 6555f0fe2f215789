/* What every unit answers: over the plane, along one input, or for the chosen sample. */

import { css } from "./colours.js";
import { element } from "./dom.js";
import { largest, paintInk, paintValues } from "./paint.js";

const SIDES = [64, 44, 32]; // cells across the plane, by how long a frame takes
const SLOW = 14; // milliseconds
const POINTS = 60; // along one input

export class Responses {
  constructor(view) {
    this.view = view;
    const { film } = this;
    this.kind = film.extent === null ? "sample" : film.extent[0].length === 2 ? "plane" : "line";
    if (this.kind === "sample") this.n = 1;
    else this.choose(view.side ?? 0);
    this.small = element("canvas").getContext("2d");
  }

  get film() {
    return this.view.film;
  }

  /** A grid over the data, with so many cells across. */
  choose(level) {
    this.view.side = this.level = level;
    const { film } = this, [low, high] = film.extent;
    if (this.kind === "line") {
      this.across = this.n = POINTS;
      this.raw = Float32Array.from({ length: POINTS }, (_, k) => low[0] + ((high[0] - low[0]) * k) / (POINTS - 1));
    } else {
      this.across = SIDES[level];
      const step = (high[0] - low[0]) / this.across;
      this.up = Math.max(1, Math.round((high[1] - low[1]) / step));
      this.n = this.across * this.up;
      this.raw = new Float32Array(2 * this.n);
      for (let row = 0; row < this.up; row++) {
        for (let column = 0; column < this.across; column++) { // pictures begin at the top
          this.raw[row * this.across + column] = low[0] + (column + 0.5) * step;
          this.raw[this.n + row * this.across + column] = high[1] - (row + 0.5) * ((high[1] - low[1]) / this.up);
        }
      }
    }
    this.x = film.scaled(this.raw, this.n);
    this.layers = undefined;
  }

  compute(weights) {
    const { film, view } = this, began = performance.now();
    if (this.kind === "sample") this.x = film.scaled(view.result.pixels, 1);
    this.layers = film.network.forward(weights, this.x, this.n, this.layers);
    const took = performance.now() - began;
    if (this.kind === "plane" && view.playing && took > SLOW && this.level < SIDES.length - 1) {
      this.choose(this.level + 1);
      this.compute(weights);
    }
  }

  /** The values of a unit, (n,); layer 0 are the inputs as the network takes them. */
  values(layer, unit) {
    const whole = layer ? this.layers[layer - 1] : this.x;
    return whole.subarray(unit * this.n, (unit + 1) * this.n);
  }

  /** The end of a unit's colour scale: the largest answer of its layer at the end of the film; over the plane, of the
  input itself. */
  limit(layer, unit) {
    if (layer === 0) return largest(this.kind === "sample" ? this.x : this.values(layer, unit));
    this.limits ??= this.film.network.forward(this.film.weights(this.film.frames - 1), this.x, this.n).map(largest);
    return this.limits[layer - 1];
  }

  /** The picture of a unit, in a square of a canvas. */
  face(context, [x, y, side], layer, unit, weights) {
    const { film, view } = this, { palette } = view, picture = (image) => {
      this.small.putImageData(image, 0, 0);
      context.drawImage(this.small.canvas, x, y, side, side);
    };
    if (film.image && layer <= 1) {
      const [rows, columns] = film.image, inputs = rows * columns, image = this.image(columns, rows);
      if (layer === 0) paintInk(image.data, view.result.pixels, film.full, palette.inkColour, palette.paper);
      else {
        const width = film.layers[0].width, own = film.network.array(weights, "0.weight");
        const values = Float32Array.from({ length: inputs }, (_, k) => own[k * width + unit]);
        paintValues(image.data, values, film.limits[0], palette);
      }
      picture(image);
    } else if (this.kind === "plane") {
      const image = this.image(this.across, this.up);
      paintValues(image.data, this.values(layer, unit), this.limit(layer, unit), palette);
      picture(image);
    } else if (this.kind === "line") {
      this.graph(context, [x, y, side], this.values(layer, unit), this.limit(layer, unit));
    } else {
      const colour = palette.signed(this.values(layer, unit)[0] / this.limit(layer, unit));
      context.fillStyle = `rgb(${colour.map(Math.round).join(" ")})`;
      context.fillRect(x, y, side, side);
    }
  }

  image(width, height) {
    const { canvas } = this.small;
    if (canvas.width !== width || canvas.height !== height || !this.pixels) {
      [canvas.width, canvas.height] = [width, height];
      this.pixels = this.small.createImageData(width, height);
    }
    return this.pixels;
  }

  graph(context, [x, y, side], values, limit) {
    const { palette } = this.view, middle = y + side / 2, step = side / (values.length - 1);
    context.fillStyle = css(palette.paper);
    context.fillRect(x, y, side, side);
    context.fillStyle = palette.hair;
    context.fillRect(x, middle - 0.5, side, 1);
    context.strokeStyle = palette.css.accent;
    context.lineWidth = 1.6;
    context.beginPath();
    const share = (value) => Math.max(-1, Math.min(1, value / limit));
    values.forEach((value, k) => context.lineTo(x + k * step, middle - share(value) * (side / 2 - 3)));
    context.stroke();
  }
}
