/* Where a network changes from one class to another. */

import { argmax } from "./network.js";

/**
 * The border between the classes on a grid, as segments.
 *
 * @param {Float32Array} outputs of the last layer on a grid of `across` by `up` points, from the top, unit by unit
 * @returns {number[]} x1, y1, x2, y2 of every segment; cells are 1 wide, and the centre of the first is (0.5, 0.5)
 */
export function border(outputs, across, up) {
  const n = across * up, units = outputs.length / n, found = [];
  if (units > 1) {
    const labels = Array.from({ length: n }, (_, k) => argmax(outputs, n, k));
    for (let row = 0; row < up; row++) {
      for (let column = 0; column < across; column++) {
        const own = labels[row * across + column];
        if (column + 1 < across && labels[row * across + column + 1] !== own) found.push(column + 1, row, column + 1, row + 1);
        if (row + 1 < up && labels[(row + 1) * across + column] !== own) found.push(column, row + 1, column + 1, row + 1);
      }
    }
    return found;
  }
  for (let row = 0; row + 1 < up; row++) { // marching squares: Lorensen and Cline 1987, in the plane
    for (let column = 0; column + 1 < across; column++) {
      const corners = [[column, row], [column + 1, row], [column + 1, row + 1], [column, row + 1]];
      const values = corners.map(([x, y]) => outputs[y * across + x]), points = [];
      for (let side = 0; side < 4; side++) {
        const a = values[side], b = values[(side + 1) % 4];
        if (a > 0 === b > 0) continue;
        const share = a / (a - b), [x, y] = corners[side], [u, v] = corners[(side + 1) % 4];
        points.push(x + 0.5 + share * (u - x), y + 0.5 + share * (v - y));
      }
      for (let k = 0; k + 3 < points.length; k += 4) found.push(...points.slice(k, k + 4));
    }
  }
  return found;
}

/** The borders of the other replicates of a film, each as from `border`. */
export function otherBorders(film, raw, across, up) {
  const n = across * up;
  return Array.from({ length: film.others }, (_, index) => {
    const { weights, shift, factor } = film.other(index);
    return border(film.network.forward(weights, film.scaled(raw, n, { shift, factor }), n).at(-1), across, up);
  });
}
