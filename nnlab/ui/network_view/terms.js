/* What a network takes of a point in the plane, as nnlab/datasets/terms.py computes it. */

const TERMS = {
  x1: (a) => a,
  x2: (a, b) => b,
  x1_squared: (a) => a * a,
  x2_squared: (a, b) => b * b,
  x1_times_x2: (a, b) => a * b,
  sin_x1: (a) => Math.sin(a),
  sin_x2: (a, b) => Math.sin(b),
};

/** The terms of n points, term by term; without terms the numbers as they are. */
export function termColumns(x, n, terms) {
  if (!terms?.length) return x;
  const columns = new Float32Array(terms.length * n);
  terms.forEach((name, i) => {
    for (let k = 0; k < n; k++) columns[i * n + k] = TERMS[name](x[k], x[n + k]);
  });
  return columns;
}
