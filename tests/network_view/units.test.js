// What the modules of the network view compute, without a browser. Run by tests/network_view/test_modules.py.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Palette } from "../../nnlab/ui/network_view/colours.js";
import { Film } from "../../nnlab/ui/network_view/film.js";
import { border } from "../../nnlab/ui/network_view/borders.js";
import { range, spansDecades, wide } from "../../nnlab/ui/network_view/curves.js";
import { formatter, readNumber } from "../../nnlab/ui/network_view/format.js";
import { keep, restored } from "../../nnlab/ui/network_view/kept.js";
import { lineLook } from "../../nnlab/ui/network_view/drawing.js";
import { drawnUnits, lines, nearest, place } from "../../nnlab/ui/network_view/layout.js";
import { label, probability } from "../../nnlab/ui/network_view/network.js";
import { largest, paintClasses, paintValues } from "../../nnlab/ui/network_view/paint.js";
import { termColumns } from "../../nnlab/ui/network_view/terms.js";
import { Result, ticks } from "../../nnlab/ui/network_view/result.js";

const layer = (inputs, width) => ({ inputs, width, activation: "tanh", norm: "none", residual: false, frozen: false });

/** A film of a 2-`width`-1 network with two frames of given weights. */
function film(width, fill = (k) => k / 10) {
  const layers = [layer(2, width), layer(width, 1)];
  const arrays = layers.flatMap(({ inputs, width: out }, i) => [[`${i}.weight`, inputs * out], [`${i}.bias`, out]]);
  const size = arrays.reduce((sum, [, n]) => sum + n, 0), weights = Float32Array.from({ length: 2 * size }, (_, k) => fill(k % size));
  const header = { layers, arrays, epochs: [0, 5], image: null, classes: [], features: ["x1", "x2"], parts: [] };
  return new Film(header, { weights, shift: new Float32Array([1, 2]), factor: new Float32Array([2, 0.5]) });
}

test("a frame is the last one that is not after an epoch", () => {
  const one = Object.assign(film(3), { epochs: [0, 1, 2, 5, 9], frames: 5 });
  assert.deepEqual([0, 1, 3, 5, 8, 9, 99].map((epoch) => one.frameAt(epoch)), [0, 1, 2, 3, 3, 4, 4]);
});

test("inputs are scaled feature by feature", () => {
  assert.deepEqual([...film(3).scaled(new Float32Array([1, 2, 4, 6]), 2)], [0, 2, 1, 2]);
});

test("a network takes terms of the points, term by term", () => {
  const points = new Float32Array([2, -1, 3, 0.5]); // (2, 3) and (-1, 0.5)
  assert.deepEqual([...termColumns(points, 2, ["x2", "x1_squared", "x1_times_x2"])], [3, 0.5, 4, 1, 6, -0.5]);
  assert.equal(termColumns(points, 2, []), points);
  const one = Object.assign(film(3), { terms: ["x2_squared", "sin_x1"] });
  assert.deepEqual([...one.scaled(new Float32Array([0, 0, 3, 1]), 2)], [16, 0, -1, -1]); // (x - shift) * factor
});

test("the place of a weight is where the engine keeps it", () => {
  const { network } = film(3);
  assert.equal(network.place(0, 1, 2), 5); // (inputs, width): second row, third column
  assert.equal(network.place(0, -1, 1), 7);
  assert.equal(network.place(1, 2, 0), 11);
});

test("small layers are drawn whole, of large ones the strongest, in their order", () => {
  assert.deepEqual(drawnUnits(film(8))[1], [0, 1, 2, 3, 4, 5, 6, 7]);
  const strong = [3, 5, 8, 9, 11, 12, 17], one = film(20, (k) => (strong.includes(k % 20) && k < 40 ? 5 : 0.1));
  assert.deepEqual(drawnUnits(one)[1], strong);
  assert.equal(place(one, drawnUnits(one), 600, 380).columns[1].more, 13);
});

test("columns lie inside the box, and a narrow box is made wider rather than unreadable", () => {
  const one = film(4), units = drawnUnits(one), { columns, width } = place(one, units, 600, 380);
  assert.equal(width, 600);
  assert.ok(columns[0].x >= 40 && columns[2].x <= 560);
  for (const { units: some } of columns) for (const { y } of some) assert.ok(y > 20 && y < 360);
  assert.ok(place(one, units, 60, 380).width > 60);
});

test("the names of the inputs have room left of them", () => {
  const one = Object.assign(film(4), { features: ["x₁", "sin x₂"] }), { columns, side } = place(one, drawnUnits(one), 600, 380);
  assert.ok(columns[0].x - side / 2 > 6 * 6.5); // six letters
});

test("the nearest line is found within reach only", () => {
  const one = film(2), all = lines(one, place(one, drawnUnits(one), 600, 380));
  assert.equal(all.length, 6);
  const line = all[0], middle = [(line.x1 + line.x2) / 2, (line.y1 + line.y2) / 2];
  assert.equal(nearest([line], ...middle), line);
  assert.equal(nearest([line], middle[0], middle[1] + 40), null);
});

test("a border lies where the output changes its sign", () => {
  const across = 4, up = 3, outputs = Float32Array.from({ length: 12 }, (_, k) => (k % across) - 1.5), found = border(outputs, across, up);
  assert.ok(found.length > 0);
  for (let k = 0; k < found.length; k += 2) assert.ok(Math.abs(found[k] - 2) < 1e-6); // x = 1.5 + 0.5
  const classes = new Float32Array(24); // two outputs: class 1 in the right half
  for (let k = 0; k < 12; k++) classes[12 + k] = (k % across) - 1.5;
  for (let k = 0; k < border(classes, across, up).length; k += 4) assert.equal(border(classes, across, up)[k], 2);
  assert.deepEqual(border(new Float32Array(12).fill(1), across, up), []);
});

const colours = { diverging: ["#0000ff", "#8888ff", "#ffffff", "#ffcc88", "#ff8800"], classes: ["#ff0000", "#00ff00", "#0000ff"] };

test("colours of signed values are symmetric, and paler classes are less certain", () => {
  const palette = new Palette(colours, [255, 255, 255]), data = new Uint8ClampedArray(12);
  paintValues(data, new Float32Array([-2, 0, 2]), 2, palette);
  assert.deepEqual([...data], [0, 0, 255, 255, 255, 255, 255, 255, 255, 136, 0, 255]);
  paintClasses(data, new Float32Array([0.5, 0.99, 0.01]), 3, palette);
  assert.ok(data[5] > data[4] && data[8] > data[9]); // class 1 green, class 0 red
  assert.ok(data[1] > data[9]); // at 0.5 nearly paper
  paintClasses(data, new Float32Array([1, 0, 0, 0, 1, 0, 0, 0, 1]), 3, palette);
  assert.ok(data[0] > data[1] && data[5] > data[4] && data[10] > data[8]);
});

test("values that are not finite do not decide a scale", () => {
  assert.equal(largest([1, -3, NaN, Infinity]), 3);
  assert.equal(largest([0, 0]), 1);
  assert.deepEqual(range([NaN, 2, -1, Infinity], false), [-1, 2]);
  assert.equal(range([], false), null);
});

test("a loss over more than two decades has a logarithmic axis", () => {
  assert.equal(spansDecades([1, 0.02, NaN]), false);
  assert.equal(spansDecades([1, 0.009]), true);
  assert.equal(spansDecades([]), false);
});

test("ticks are round numbers inside the range", () => {
  assert.deepEqual(ticks(-1.2, 2.3), [-1, 0, 1, 2]);
  for (const value of ticks(-48, 46)) assert.ok(value >= -48 && value <= 46 && value % 10 === 0);
});

test("numbers are written in the visitor's language", () => {
  const es = formatter({ language: "es", score: "accuracy" }), en = formatter({ language: "en", score: "accuracy" });
  assert.equal(es.figure("score", 0.961), "96,1 %");
  assert.deepEqual([es.whole(1000), en.whole(1000), es.significant(1580), en.significant(1580)], ["1.000", "1,000", "1580", "1580"]); // as on the page
  assert.equal(en.significant(-0.03), "−0.0300");
  assert.equal(es.significant(1.5e-5), "1,50e-5".replace("-", "−"));
  assert.equal(es.significant(NaN), "–");
});

test("a weight is typed with a decimal comma or point", () => {
  assert.deepEqual(["0,5", "0.5", " −1,5e-1 ", "+2", ",5"].map(readNumber), [0.5, 0.5, -0.15, 2, 0.5]);
  for (const text of ["", " ", "1.000,5", "0x10", "Infinity", "1e999", "x"]) assert.equal(readNumber(text), null);
});

test("a curve of a single value has room, however large the value", () => {
  for (const value of [0, 0.25, -3, 1e30]) {
    const [low, high] = wide([value, value]);
    assert.ok(low < value && value < high);
  }
  assert.deepEqual(wide([1, 2]), [1, 2]);
});

test("a weight that is no number is a thin grey line", () => {
  const one = film(3), palette = new Palette(colours, [255, 255, 255]), line = { layer: 0, place: 1 };
  const grey = lineLook({ film: one, palette }, { layer: 0, place: -1 }, one.weights(0));
  for (const value of [NaN, Infinity]) {
    const weights = one.weights(0).slice().fill(value);
    assert.deepEqual(lineLook({ film: one, palette }, line, weights), grey);
  }
  assert.notDeepEqual(lineLook({ film: one, palette }, line, one.weights(0)), grey);
});

test("the number of folded units has room above the buttons below a layer", () => {
  const one = film(20), { columns, side } = place(one, drawnUnits(one), 600, 380);
  assert.ok(columns[1].units.at(-1).y + side / 2 + 20 < 357);
});

test("what is changed and pinned outlives one reload, of the same film alone", () => {
  const entries = new Map(), storage = { getItem: (key) => entries.get(key) ?? null, setItem: (key, text) => entries.set(key, text), removeItem: (key) => entries.delete(key) };
  const view = { film: { id: "a-0" }, edits: [[3, -1.5]], pinned: [1, 0], frame: 7 };
  keep(storage, { ...view, edits: [], pinned: null });
  assert.equal(restored(storage, { id: "a-0" }), null);
  keep(storage, view);
  assert.equal(restored(storage, { id: "b-0" }), null);
  assert.deepEqual(restored(storage, { id: "a-0" }), { edits: [[3, -1.5]], pinned: [1, 0], frame: 7 });
  assert.equal(restored(storage, { id: "a-0" }), null);
});

test("points and borders are drawn anew for a film with other replicates", () => {
  const view = { film: { words: { surfaceNote: "", others: "thin lines" }, others: 9 } };
  const result = Object.assign(Object.create(Result.prototype), { view, kind: "plane", note: {}, still: "300,200,0,true", bordersOf: 0 });
  result.reset();
  assert.deepEqual([result.still, result.bordersOf], [undefined, undefined]);
  assert.match(result.note.textContent, /thin lines/);
});

test("probabilities name a class, with one output and with several", () => {
  const one = Float32Array.of(0.25, 0.75), several = Float32Array.of(0.125, 0.5, 0.625, 0.25, 0.25, 0.25); // 3 classes, 2 samples
  assert.deepEqual([0, 1].map((k) => label(one, 2, k)), [0, 1]);
  assert.deepEqual([0, 1].map((k) => label(several, 2, k)), [1, 0]);
  assert.deepEqual([0, 1].map((j) => probability(one, 2, 0, j)), [0.75, 0.25]);
  assert.deepEqual([0, 1, 2].map((j) => probability(several, 2, 1, j)), [0.5, 0.25, 0.25]);
});
