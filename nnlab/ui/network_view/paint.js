/* Paints values of a network as pixels. Every function fills the RGBA bytes of an image. */

import { label, probability } from "./network.js";

/** Values on a diverging ramp; value / limit from -1 to 1. */
export function paintValues(data, values, limit, palette) {
  const pixels = new Uint32Array(data.buffer), { words } = palette, scale = 128 / limit;
  for (let k = 0; k < values.length; k++) {
    const at = values[k] * scale;
    pixels[k] = words[at > 128 ? 256 : at < -128 ? 0 : Math.round(at || 0) + 128];
  }
}

/** The predicted class at every place: its colour, paler where it is less certain. */
export function paintClasses(data, outputs, n, palette) {
  const units = outputs.length / n, guess = units === 1 ? 0.5 : 1 / units, { classes, paper } = palette;
  for (let k = 0; k < n; k++) {
    const best = label(outputs, n, k), p = probability(outputs, n, k, best);
    const share = Number.isFinite(p) ? 0.12 + 0.6 * Math.max(0, (p - guess) / (1 - guess)) : 0;
    const colour = classes[best % classes.length];
    for (let c = 0; c < 3; c++) data[4 * k + c] = paper[c] + (colour[c] - paper[c]) * share;
    data[4 * k + 3] = 255;
  }
}

/** A picture of ink: from 0 (paper) to `full` (ink). */
export function paintInk(data, values, full, ink, paper) {
  for (let k = 0; k < values.length; k++) {
    const share = Math.max(0, Math.min(1, values[k] / full));
    for (let c = 0; c < 3; c++) data[4 * k + c] = paper[c] + (ink[c] - paper[c]) * share;
    data[4 * k + 3] = 255;
  }
}

/** The largest size of finite values; 1 where all are 0. */
export function largest(values) {
  let most = 0;
  for (let k = 0; k < values.length; k++) {
    const size = Math.abs(values[k]);
    if (size > most && Number.isFinite(size)) most = size;
  }
  return most || 1;
}
