"use strict";
// What layers apply to their sums, by the names that tinyinfer and torch give them.

const clipped6 = (x) => Math.min(Math.max(x, 0), 6);
const sigmoid = (x) => 1 / (1 + Math.exp(-x));

const ACTIVATIONS = {
  relu: (x) => Math.max(x, 0),
  relu6: clipped6,
  sigmoid,
  hardsigmoid: (x) => clipped6(x + 3) / 6,
  hardswish: (x) => (x * clipped6(x + 3)) / 6,
  silu: (x) => x * sigmoid(x),
  tanh: Math.tanh,
};

/** Probabilities of logits, shifted by the largest so that nothing overflows. */
function softmax(logits) {
  const largest = Math.max(...logits);
  const powers = Array.from(logits, (x) => Math.exp(x - largest));
  const total = powers.reduce((sum, x) => sum + x, 0);
  return powers.map((x) => x / total);
}
