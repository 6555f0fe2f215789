/* Where the units and lines of a network are drawn. */

export const MOST_UNITS = 8; // of a column; the others are counted below it
export const MOST_OUTPUTS = 10; // which are classes, the first ones
export const MOST_LINES = 250; // of the network; the weakest are left out

/**
 * How much every unit of a layer matters: the length of its weights, to and from it.
 *
 * @param {import("./film.js").Film} film
 * @param {Float32Array} weights
 * @param {number} layer 0 for the inputs
 */
function strengths(film, weights, layer) {
  const { layers, network } = film;
  const count = layer ? layers[layer - 1].width : layers[0].inputs, sums = new Float64Array(count);
  if (layer) {
    const into = network.array(weights, `${layer - 1}.weight`);
    for (let k = 0; k < into.length; k++) sums[k % count] += into[k] ** 2;
  }
  if (layer < layers.length) {
    const out = network.array(weights, `${layer}.weight`), { width } = layers[layer];
    for (let k = 0; k < out.length; k++) sums[(k / width) | 0] += out[k] ** 2;
  }
  return sums;
}

/** The units of every column that are drawn, in their order; of large layers the strongest at the end of training. */
export function drawnUnits(film) {
  const last = film.weights(film.frames - 1);
  return Array.from({ length: film.layers.length + 1 }, (_, layer) => {
    const count = layer ? film.layers[layer - 1].width : film.layers[0].inputs;
    const all = Array.from({ length: count }, (_, unit) => unit);
    if (layer === 0 && film.image) return [0]; // one picture instead of its pixels
    if (count <= MOST_UNITS || layer === film.layers.length) return all.slice(0, MOST_OUTPUTS);
    const sums = strengths(film, last, layer);
    return all.sort((a, b) => sums[b] - sums[a]).slice(0, MOST_UNITS - 1).sort((a, b) => a - b);
  });
}

/** Whether units of a layer are left out. */
export const folded = (film, units) => units.some((some, layer) => layer && some.length < film.layers[layer - 1].width);

/**
 * Columns of units in a box.
 *
 * @returns {{side: number, columns: {x: number, units: {unit: number, y: number}[], more: number}[], width: number}}
 *   centres in pixels, the side of a unit's picture, and the width, which is more than the box if that is too narrow
 */
export function place(film, units, width, height) {
  const top = 22, bottom = folded(film, units) ? 40 : 20; // room for "+25" above the buttons
  const marginX = Math.max(46, 26 + 6.5 * Math.max(...film.features.map((name) => name.length))); // room for "sin x₁"
  const tallest = Math.max(...units.map((one) => one.length)), gaps = units.length - 1;
  const side = Math.max(18, Math.min(40, (height - top - bottom) / tallest - 8, (width - 2 * marginX) / (gaps + 1) - 14));
  const needed = 2 * marginX + gaps * (side + 22);
  const across = Math.max(width, needed);
  const stepX = gaps ? (across - 2 * marginX) / gaps : 0;
  const stepY = Math.min(side + 38, (height - top - bottom) / tallest);
  const columns = units.map((some, layer) => {
    const count = layer ? film.layers[layer - 1].width : film.image ? 1 : film.layers[0].inputs;
    const middle = top + (height - top - bottom) / 2;
    return {
      x: marginX + layer * stepX,
      units: some.map((unit, i) => ({ unit, y: middle + (i - (some.length - 1) / 2) * stepY })),
      more: count - some.length,
    };
  });
  return { side, columns, width: across };
}

/** The lines between drawn units: layer, units, ends, and the place of the weight. Pictures have none from their pixels. */
export function lines(film, { columns }) {
  const found = [];
  for (let layer = 0; layer < film.layers.length; layer++) {
    for (const from of columns[layer].units) {
      for (const to of columns[layer + 1].units) {
        const place = film.image && layer === 0 ? -1 : film.network.place(layer, from.unit, to.unit);
        found.push({ layer, from: from.unit, to: to.unit, place, x1: columns[layer].x, y1: from.y, x2: columns[layer + 1].x, y2: to.y });
      }
    }
  }
  if (found.length <= MOST_LINES) return found;
  const last = film.weights(film.frames - 1);
  const share = (line) => (line.place < 0 ? 1 : Math.abs(last[line.place]) / film.limits[line.layer]);
  return found.sort((a, b) => share(b) - share(a)).slice(0, MOST_LINES);
}

/** The line nearest to a point, if it is within `reach` pixels. */
export function nearest(some, x, y, reach = 7) {
  let best = null, least = reach;
  for (const line of some) {
    const dx = line.x2 - line.x1, dy = line.y2 - line.y1;
    const along = Math.max(0, Math.min(1, ((x - line.x1) * dx + (y - line.y1) * dy) / (dx * dx + dy * dy)));
    const away = Math.hypot(line.x1 + along * dx - x, line.y1 + along * dy - y);
    if (away < least) [best, least] = [line, away];
  }
  return best;
}
