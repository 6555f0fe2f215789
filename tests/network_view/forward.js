// Prints, for every file with a film, the outputs of all layers in its last frame on its first samples.
import { readFileSync } from "node:fs";
import { readFilm } from "../../nnlab/ui/network_view/film.js";
import { lossAndScore, predicted } from "../../nnlab/ui/network_view/network.js";

const results = process.argv.slice(2).map((name) => {
  const film = readFilm(new Uint8Array(readFileSync(name)));
  const part = film.samples.validation[0] ? "validation" : "train";
  const n = film.samples[part][0], x = film.parts[`${part}_x`], y = film.parts[`${part}_y`];
  const layers = film.network.forward(film.weights(film.frames - 1), film.scaled(x, n), n);
  const outputs = layers.at(-1);
  return {
    layers: layers.map((one) => Array.from(one)),
    predicted: Array.from(predicted(outputs, n, film.loss)),
    figures: lossAndScore(outputs, y, n, film.loss),
  };
});
console.log(JSON.stringify(results));
