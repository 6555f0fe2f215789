/* The forward pass of a dense network, as `nnlab.scratch` computes it in evaluation mode.

Values of a layer are stored unit by unit: those of unit j for all n samples are `values.subarray(j * n, (j + 1) * n)`.
Inner loops then run over neighbouring numbers. */

const EPSILON = 1e-5; // of both normalisations

/** A function computed once at equal steps and read off by linear interpolation; constant beyond its ends. */
class Table {
  constructor(values, low, high) {
    this.values = Float64Array.from(values);
    this.low = low;
    this.perStep = (this.values.length - 1) / (high - low);
  }

  static of(f, low, high, steps = 8192) {
    const at = (k) => f(low + ((high - low) * k) / steps);
    return new Table(Array.from({ length: steps + 1 }, (_, k) => at(k)), low, high);
  }

  at(x) {
    const place = (x - this.low) * this.perStep;
    if (!(place > 0)) return place <= 0 ? this.values[0] : NaN;
    const last = this.values.length - 1;
    if (place >= last) return this.values[last];
    const k = place | 0;
    return this.values[k] + (place - k) * (this.values[k + 1] - this.values[k]);
  }
}

/** The share of the standard normal distribution below x: its density summed by Simpson's rule. */
function normalShares(low, high, steps) {
  const density = (x) => Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);
  const h = (high - low) / steps, shares = [0];
  for (let k = 0; k < steps; k++) {
    const x = low + k * h;
    shares.push(shares[k] + (h / 6) * (density(x) + 4 * density(x + h / 2) + density(x + h)));
  }
  return new Table(shares, low, high);
}

const TANH = Table.of(Math.tanh, -10, 10, 16384);
const NORMAL = normalShares(-7, 7, 8192);
const SOFT = Table.of((x) => Math.log1p(Math.exp(-x)), 0, 20);
const GROWTH = Table.of(Math.expm1, -20, 0, 16384);

export const sigmoid = (x) => 0.5 + 0.5 * TANH.at(x / 2);

const ACTIVATIONS = {
  none: null,
  relu: (x) => (x > 0 ? x : x <= 0 ? 0 : NaN),
  leaky_relu: (x) => (x > 0 ? x : 0.01 * x),
  elu: (x) => (x > 0 ? x : GROWTH.at(x)),
  gelu: (x) => x * NORMAL.at(x),
  silu: (x) => x * sigmoid(x),
  tanh: (x) => TANH.at(x),
  sigmoid,
  softplus: (x) => Math.max(x, 0) + SOFT.at(Math.abs(x)),
};

/** The layers of a network, and where each of its arrays lies in a vector of all weights. */
export class Network {
  /**
   * @param {{inputs: number, width: number, activation: string, norm: string, residual: boolean}[]} layers
   * @param {[string, number][]} arrays names and sizes, in the order of the vector
   */
  constructor(layers, arrays) {
    this.layers = layers;
    this.places = {};
    this.size = 0;
    for (const [name, size] of arrays) {
      this.places[name] = [this.size, this.size + size];
      this.size += size;
    }
  }

  /** An array of a vector of weights, as a view; undefined where the network has none of the name. */
  array(weights, name) {
    const place = this.places[name];
    return place && weights.subarray(...place);
  }

  /** The place of a weight from unit `from` to unit `to` of a layer, or of its bias (from = -1). */
  place(layer, from, to) {
    if (from < 0) return this.places[`${layer}.bias`][0] + to;
    return this.places[`${layer}.weight`][0] + from * this.layers[layer].width + to;
  }

  /**
   * The outputs of every layer, after activation and skip connection.
   *
   * @param {Float32Array} weights
   * @param {Float32Array} x scaled inputs, unit by unit
   * @param {number} n samples
   * @param {Float32Array[]} [into] arrays of an earlier call with as many samples, which are used again
   * @returns {Float32Array[]} one a layer, unit by unit
   */
  forward(weights, x, n, into = this.buffers(n)) {
    let h = x;
    this.layers.forEach((layer, i) => {
      const out = into[i];
      linear(h, this.array(weights, `${i}.weight`), this.array(weights, `${i}.bias`), layer, n, out);
      if (layer.norm === "batch") batchNorm(out, (name) => this.array(weights, `${i}.norm.${name}`), layer.width, n);
      if (layer.norm === "layer") layerNorm(out, (name) => this.array(weights, `${i}.norm.${name}`), layer.width, n);
      activate(out, layer.activation);
      if (layer.residual) for (let k = 0; k < out.length; k++) out[k] += h[k];
      h = out;
    });
    return into;
  }

  buffers(n) {
    return this.layers.map((layer) => new Float32Array(layer.width * n));
  }
}

function linear(h, weight, bias, { inputs, width }, n, out) {
  for (let j = 0; j < width; j++) {
    const own = out.subarray(j * n, (j + 1) * n);
    own.fill(bias[j]);
    let i = 0;
    for (; i + 3 < inputs; i += 4) { // four inputs a pass: a quarter of the reads and writes of `own`
      const a = weight[i * width + j], b = weight[(i + 1) * width + j];
      const c = weight[(i + 2) * width + j], d = weight[(i + 3) * width + j];
      const p = i * n, q = p + n, r = q + n, s = r + n;
      for (let k = 0; k < n; k++) own[k] += a * h[p + k] + b * h[q + k] + c * h[r + k] + d * h[s + k];
    }
    for (; i < inputs; i++) {
      const a = weight[i * width + j], p = i * n;
      for (let k = 0; k < n; k++) own[k] += a * h[p + k];
    }
  }
}

function activate(values, name) {
  const f = ACTIVATIONS[name];
  if (f) for (let k = 0; k < values.length; k++) values[k] = f(values[k]);
}

function batchNorm(values, array, width, n) {
  const [scale, shift, mean, variance] = ["scale", "shift", "mean", "variance"].map(array);
  for (let j = 0; j < width; j++) {
    const factor = scale[j] / Math.sqrt(variance[j] + EPSILON);
    for (let k = j * n; k < (j + 1) * n; k++) values[k] = (values[k] - mean[j]) * factor + shift[j];
  }
}

function layerNorm(values, array, width, n) {
  const scale = array("scale"), shift = array("shift");
  for (let k = 0; k < n; k++) {
    let mean = 0, variance = 0;
    for (let j = 0; j < width; j++) mean += values[j * n + k] / width;
    for (let j = 0; j < width; j++) variance += (values[j * n + k] - mean) ** 2 / width;
    const deviation = Math.sqrt(variance + EPSILON);
    for (let j = 0; j < width; j++) {
      const at = j * n + k;
      values[at] = ((values[at] - mean) / deviation) * scale[j] + shift[j];
    }
  }
}

/** The unit with the largest output for sample k. */
export function argmax(outputs, n, k) {
  const units = outputs.length / n;
  let best = 0;
  for (let j = 1; j < units; j++) if (outputs[j * n + k] > outputs[best * n + k]) best = j;
  return best;
}

/** The probability of class j for sample k; one output is that of class 1. */
export function probability(p, n, k, j) {
  if (p.length > n) return p[j * n + k];
  return j ? p[k] : 1 - p[k];
}

/** The class that probabilities name for sample k. */
export function label(p, n, k) {
  return p.length > n ? argmax(p, n, k) : p[k] > 0.5 ? 1 : 0;
}

/**
 * What the outputs of the last layer say: probabilities of the classes (of class 1 where there is one output), or the
 * values themselves for regression.
 *
 * @param {Float32Array} outputs unit by unit
 * @param {"bce" | "cross_entropy" | "mse"} loss
 */
export function predicted(outputs, n, loss) {
  if (loss === "mse") return outputs;
  if (loss === "bce") return outputs.map(sigmoid);
  const units = outputs.length / n, result = new Float32Array(outputs.length);
  for (let k = 0; k < n; k++) {
    let most = -Infinity, sum = 0;
    for (let j = 0; j < units; j++) most = Math.max(most, outputs[j * n + k]);
    for (let j = 0; j < units; j++) sum += result[j * n + k] = Math.exp(outputs[j * n + k] - most);
    for (let j = 0; j < units; j++) result[j * n + k] /= sum;
  }
  return result;
}

/**
 * Mean loss and score (accuracy, or the mean squared error) of outputs.
 *
 * @param {Float32Array} outputs of the last layer, unit by unit
 * @param {Float32Array} y classes, or targets unit by unit
 */
export function lossAndScore(outputs, y, n, loss) {
  let total = 0, right = 0;
  if (loss === "mse") {
    for (let k = 0; k < outputs.length; k++) total += (outputs[k] - y[k]) ** 2;
    return [total / outputs.length, total / outputs.length];
  }
  const units = outputs.length / n;
  for (let k = 0; k < n; k++) {
    if (units === 1) {
      const z = outputs[k];
      total += Math.max(z, 0) - z * y[k] + Math.log1p(Math.exp(-Math.abs(z)));
      right += (z > 0 ? 1 : 0) === y[k];
      continue;
    }
    const most = argmax(outputs, n, k);
    let sum = 0;
    for (let j = 0; j < units; j++) sum += Math.exp(outputs[j * n + k] - outputs[most * n + k]);
    total += outputs[most * n + k] + Math.log(sum) - outputs[y[k] * n + k];
    right += most === y[k];
  }
  return [total / n, right / n];
}
