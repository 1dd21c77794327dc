"use strict";
// The worker's end: runs the network beside the page, and hands out what the page asks for.

let network = null;

const ANSWERS = {
  load({ program, weights }) {
    network = new Network(program, weights);
  },
  run({ input, off }) {
    const began = performance.now();
    const output = network.run(input, new Map(off)).slice();
    return { output, milliseconds: performance.now() - began };
  },
  values({ numbers }) {
    return numbers.map((number) => network.values[number]);
  },
};

onmessage = ({ data: { id, ask, ...rest } }) => {
  try {
    postMessage({ id, answer: ANSWERS[ask](rest) });
  } catch (error) {
    postMessage({ id, error: String(error) });
  }
};
