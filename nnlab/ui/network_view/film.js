/* A film: the weights of one network at many epochs, its curves, and what is needed to draw it. See nnlab/analysis/film.py,
which writes the bytes that `readFilm` reads. */

import { Network } from "./network.js";
import { termColumns } from "./terms.js";

/**
 * @param {Uint8Array} bytes the length of the header (uint32), the header (JSON, padded to 4 bytes), and the float32
 *   numbers that its `parts` name, one part after the other
 */
export function readFilm(bytes) {
  const own = bytes.slice(); // they may begin at any address; numbers may not
  const length = new DataView(own.buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(own.subarray(4, 4 + length)));
  const parts = {};
  let at = 4 + length;
  for (const [name, count] of header.parts) {
    parts[name] = new Float32Array(own.buffer, at, count);
    at += 4 * count;
  }
  return new Film(header, parts);
}

export class Film {
  constructor(header, parts) {
    Object.assign(this, header);
    this.parts = parts;
    this.network = new Network(header.layers, header.arrays);
    this.frames = header.epochs.length;
  }

  /** The samples of a part as the network takes them. */
  inputs(part) {
    return ((this._inputs ??= {})[part] ??= this.scaled(this.parts[`${part}_x`], this.samples[part][0]));
  }

  /** The weights of a frame, as a view. */
  weights(frame) {
    return this.parts.weights.subarray(frame * this.network.size, (frame + 1) * this.network.size);
  }

  /** Of one array entry, its value in every frame. */
  history(place) {
    return Array.from({ length: this.frames }, (_, frame) => this.parts.weights[frame * this.network.size + place]);
  }

  /** The last frame that is not after an epoch. */
  frameAt(epoch) {
    let low = 0, high = this.frames - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.epochs[middle] <= epoch) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** Raw inputs, unit by unit, as the network takes them. */
  scaled(x, n, { shift, factor } = this.parts) {
    return termColumns(x, n, this.terms).map((value, k) => (value - shift[(k / n) | 0]) * factor[(k / n) | 0]);
  }

  /** Weights and scaling of another replicate at the end of its training. */
  other(index) {
    const inputs = this.layers[0].inputs, part = (name, size) => this.parts[`other_${name}`].subarray(index * size, (index + 1) * size);
    return { weights: part("weights", this.network.size), shift: part("shift", inputs), factor: part("factor", inputs) };
  }

  /** The largest weight of every layer over all frames, for colours that do not jump. */
  get limits() {
    return (this._limits ??= this.layers.map((_, i) => {
      const [from, to] = this.network.places[`${i}.weight`];
      let most = 0;
      for (let frame = 0; frame < this.frames; frame++) {
        for (let k = frame * this.network.size + from; k < frame * this.network.size + to; k++) {
          const size = Math.abs(this.parts.weights[k]);
          if (size > most && Number.isFinite(size)) most = size;
        }
      }
      return most || 1;
    }));
  }
}
