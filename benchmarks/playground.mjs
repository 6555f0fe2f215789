// A network made of objects, in the way of TensorFlow Playground: every unit and every connection is an object, samples
// pass one at a time, forward and back, and plain gradient descent changes the weights after every batch. Hidden units
// are ReLU, the output is a tanh with half the squared error, labels are -1 and 1.
//
//     node playground.mjs '{"x": [[0.5, -1.2], ...], "y": [-1, ...], "depth": 2, "width": 8, "batch": 32,
//                           "epochs": 100, "models": 10, "rate": 0.03}'
//
// Trains the models one after the other and prints {"seconds": [...], "loss": ...}: the time of each of them, and the
// training loss of the last one.

const RELU = { value: (sum) => (sum > 0 ? sum : 0), slope: (value) => (value > 0 ? 1 : 0) };
const TANH = { value: Math.tanh, slope: (value) => 1 - value * value };

class Connection {
  constructor(from, to, weight) {
    this.from = from;
    this.to = to;
    this.weight = weight;
    this.gradient = 0; // summed over the batch
  }
}

class Unit {
  constructor(activation) {
    this.activation = activation;
    this.incoming = [];
    this.outgoing = [];
    this.bias = 0;
    this.biasGradient = 0;
    this.value = 0;
    this.delta = 0; // gradient of the loss with respect to the weighted sum
  }

  connect(to, weight) {
    const connection = new Connection(this, to, weight);
    this.outgoing.push(connection);
    to.incoming.push(connection);
  }

  forward() {
    let sum = this.bias;
    for (const connection of this.incoming) sum += connection.weight * connection.from.value;
    this.value = this.activation.value(sum);
  }

  backward(gradient) {
    const delta = gradient * this.activation.slope(this.value);
    this.delta = delta;
    this.biasGradient += delta;
    for (const connection of this.incoming) connection.gradient += delta * connection.from.value;
  }

  gradientFromNextLayer() {
    let sum = 0;
    for (const connection of this.outgoing) sum += connection.weight * connection.to.delta;
    return sum;
  }

  descend(step) {
    this.bias -= step * this.biasGradient;
    this.biasGradient = 0;
    for (const connection of this.incoming) {
      connection.weight -= step * connection.gradient;
      connection.gradient = 0;
    }
  }
}

class Model {
  constructor(inputs, hidden) {
    this.inputs = Array.from({ length: inputs }, () => new Unit(null));
    this.hidden = []; // all hidden units, layer after layer
    let below = this.inputs;
    for (const width of hidden) {
      const layer = Array.from({ length: width }, () => new Unit(RELU));
      join(below, layer);
      this.hidden.push(...layer);
      below = layer;
    }
    this.output = new Unit(TANH);
    join(below, [this.output]);
  }

  predict(sample) {
    for (let i = 0; i < sample.length; i++) this.inputs[i].value = sample[i];
    for (const unit of this.hidden) unit.forward();
    this.output.forward();
    return this.output.value;
  }

  learn(sample, label) {
    this.output.backward(this.predict(sample) - label);
    for (let i = this.hidden.length - 1; i >= 0; i--) this.hidden[i].backward(this.hidden[i].gradientFromNextLayer());
  }

  descend(step) {
    for (const unit of this.hidden) unit.descend(step);
    this.output.descend(step);
  }

  fit({ x, y, batch, epochs, rate }) {
    for (let epoch = 0; epoch < epochs; epoch++) {
      for (let start = 0; start < x.length; start += batch) {
        const end = Math.min(start + batch, x.length);
        for (let i = start; i < end; i++) this.learn(x[i], y[i]);
        this.descend(rate / (end - start));
      }
    }
  }
}

function join(lower, upper) {
  const bound = Math.sqrt(6 / (lower.length + upper.length)); // Glorot and Bengio 2010
  for (const to of upper) for (const from of lower) from.connect(to, bound * (2 * Math.random() - 1));
}

const job = JSON.parse(process.argv[2]);
const seconds = [];
let model;
for (let i = 0; i < job.models; i++) {
  const began = performance.now();
  model = new Model(job.x[0].length, Array(job.depth).fill(job.width));
  model.fit(job);
  seconds.push((performance.now() - began) / 1000);
}
const loss = job.x.reduce((sum, sample, i) => sum + (model.predict(sample) - job.y[i]) ** 2 / 2, 0) / job.x.length;
console.log(JSON.stringify({ seconds, loss }));
