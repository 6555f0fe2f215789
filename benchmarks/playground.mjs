// The network of TensorFlow Playground: a node and a link are objects, one sample goes forward and back at a time, the
// weights change after every batch. Written after nn.ts of tensorflow/playground (Apache 2.0), with what it computes
// in a step kept and its drawing left out; squared error on labels of -1 and 1, gradient descent, as there.
//
//     node playground.mjs '{"x": [[...], ...], "y": [-1, ...], "depth": 2, "width": 8, "batch": 32, "epochs": 100,
//                           "models": 10, "rate": 0.03}'
//
// Prints {"seconds": ..., "loss": ...}: all models one after the other, and the last one's training loss.

const relu = { output: (x) => Math.max(0, x), der: (x) => (x <= 0 ? 0 : 1) };
const tanh = { output: (x) => Math.tanh(x), der: (x) => { const y = Math.tanh(x); return 1 - y * y; } };

class Node {
  constructor(activation) {
    this.inputLinks = [];
    this.outputs = [];
    this.bias = 0.1;
    this.totalInput = this.output = this.outputDer = this.inputDer = 0;
    this.accInputDer = this.numAccumulatedDers = 0;
    this.activation = activation;
  }
  updateOutput() {
    this.totalInput = this.bias;
    for (let j = 0; j < this.inputLinks.length; j++) {
      const link = this.inputLinks[j];
      this.totalInput += link.weight * link.source.output;
    }
    this.output = this.activation.output(this.totalInput);
    return this.output;
  }
}

class Link {
  constructor(source, dest) {
    this.source = source;
    this.dest = dest;
    this.weight = Math.random() - 0.5;
    this.errorDer = this.accErrorDer = this.numAccumulatedDers = 0;
  }
}

function buildNetwork(shape) {
  const network = [];
  for (let i = 0; i < shape.length; i++) {
    const layer = [];
    network.push(layer);
    for (let k = 0; k < shape[i]; k++) {
      const node = new Node(i === shape.length - 1 ? tanh : relu);
      layer.push(node);
      if (i > 0) {
        for (const previous of network[i - 1]) {
          const link = new Link(previous, node);
          previous.outputs.push(link);
          node.inputLinks.push(link);
        }
      }
    }
  }
  return network;
}

function forwardProp(network, inputs) {
  for (let i = 0; i < inputs.length; i++) network[0][i].output = inputs[i];
  for (let i = 1; i < network.length; i++) {
    for (let k = 0; k < network[i].length; k++) network[i][k].updateOutput();
  }
  return network[network.length - 1][0].output;
}

function backProp(network, target) {
  const out = network[network.length - 1][0];
  out.outputDer = out.output - target;
  for (let i = network.length - 1; i >= 1; i--) {
    const layer = network[i];
    for (let k = 0; k < layer.length; k++) {
      const node = layer[k];
      node.inputDer = node.outputDer * node.activation.der(node.totalInput);
      node.accInputDer += node.inputDer;
      node.numAccumulatedDers++;
    }
    for (let k = 0; k < layer.length; k++) {
      const node = layer[k];
      for (let j = 0; j < node.inputLinks.length; j++) {
        const link = node.inputLinks[j];
        link.errorDer = node.inputDer * link.source.output;
        link.accErrorDer += link.errorDer;
        link.numAccumulatedDers++;
      }
    }
    if (i === 1) continue;
    const previous = network[i - 1];
    for (let k = 0; k < previous.length; k++) {
      const node = previous[k];
      node.outputDer = 0;
      for (let j = 0; j < node.outputs.length; j++) {
        const output = node.outputs[j];
        node.outputDer += output.weight * output.dest.inputDer;
      }
    }
  }
}

function updateWeights(network, rate) {
  for (let i = 1; i < network.length; i++) {
    const layer = network[i];
    for (let k = 0; k < layer.length; k++) {
      const node = layer[k];
      if (node.numAccumulatedDers > 0) {
        node.bias -= (rate * node.accInputDer) / node.numAccumulatedDers;
        node.accInputDer = node.numAccumulatedDers = 0;
      }
      for (let j = 0; j < node.inputLinks.length; j++) {
        const link = node.inputLinks[j];
        if (link.numAccumulatedDers > 0) {
          link.weight -= (rate / link.numAccumulatedDers) * link.accErrorDer;
          link.accErrorDer = link.numAccumulatedDers = 0;
        }
      }
    }
  }
}

const { x, y, depth, width, batch, epochs, models, rate } = JSON.parse(process.argv[2]);
let network;
const began = process.hrtime.bigint();
for (let model = 0; model < models; model++) {
  network = buildNetwork([x[0].length, ...Array(depth).fill(width), 1]);
  for (let epoch = 0; epoch < epochs; epoch++) {
    for (let i = 0; i < x.length; i++) {
      forwardProp(network, x[i]);
      backProp(network, y[i]);
      if ((i + 1) % batch === 0) updateWeights(network, rate);
    }
    updateWeights(network, rate);
  }
}
const seconds = Number(process.hrtime.bigint() - began) / 1e9;
const loss = x.reduce((sum, one, i) => sum + 0.5 * (forwardProp(network, one) - y[i]) ** 2, 0) / x.length;
console.log(JSON.stringify({ seconds, loss }));
