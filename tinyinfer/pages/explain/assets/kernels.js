"use strict";
// Kernels as pictures, and nodes in words.

/**
 * A sheet of a node's kernels for TileSheet, with a `note` of what it shows; `pick` where tiles stand for output channels:
 * of depthwise layers and those that read the photo.  Of others the kernel of one output channel is shown, a tile for
 * each input channel.  1x1 kernels are numbers, each a tile.
 */
function kernelSheet(node, all, channel) {
  const { kernel: [high, wide], inputs, groups } = node.window ?? { kernel: [0, 0] };
  if (!high) return null;
  const taps = high * wide, each = inputs / groups;
  const side = taps === 1 ? 26 : Math.max(36, 9 * Math.max(high, wide));
  const size = { width: Math.round((side * wide) / Math.max(high, wide)), height: Math.round((side * high) / Math.max(high, wide)) };
  const rowOf = (row) => all.rows.subarray(row * all.size, (row + 1) * all.size);
  if (each === 1 || (each === 3 && taps > 1)) {
    return {
      ...size, count: all.kept.length, chosen: all.kept.indexOf(channel), pick: true,
      note: each === 1 ? "One kernel for each channel." : "Each kernel looks at three colours: red, green and blue of what you see are its weights, grey is 0.",
      paint: (context, i, x, y, w, t) => context.drawImage(each === 1 ? canvasOf(pictureOf(rowOf(i), high, wide)) : colourKernel(rowOf(i), high, wide), x, y, w, t),
      says: (i) => `kernel of channel ${all.kept[i]}`,
    };
  }
  const row = all.kept.indexOf(channel);
  if (row < 0) return null;
  const own = rowOf(row), bound = boundOf(own);
  return {
    ...size, count: each, chosen: -1, pick: false,
    note: `Of output channel ${channel}: its weights for each of ${each} input channels, on one scale.`,
    paint: (context, i, x, y, w, t) => context.drawImage(canvasOf(pictureOf(own.subarray(i * taps, (i + 1) * taps), high, wide, bound)), x, y, w, t),
    says: (i) => (taps === 1 ? `weight of input ${i}: ${digits(own[i])}` : `kernel of input ${i}`),
  };
}

/** A kernel over red, green and blue as a colour picture. */
function colourKernel(weights, height, width) {
  const picture = new ImageData(width, height), bound = boundOf(weights), area = height * width;
  for (let i = 0; i < area; i++) {
    const level = (c) => Math.round(127.5 + (127.5 * weights[c * area + i]) / (bound || 1));
    picture.data.set([level(0), level(1), level(2), 255], 4 * i);
  }
  return canvasOf(picture);
}

/** What a node does, in a sentence or two. */
function describeNode(node, nodes) {
  if (!node.shape) return `Operator ${node.op}.`;
  const [channels, height, width] = node.shape;
  const size = height * width > 1 ? `${channels} maps of ${height} x ${width}` : `${channels} numbers`;
  const window = node.window, [high, wide] = window?.kernel ?? [];
  const stride = window?.stride && Math.max(...window.stride) > 1 ? ` It moves by ${window.stride[0]} pixels, so that maps become smaller.` : "";
  const then = node.activation ? ` Then ${node.activation}: ${MEANINGS[node.activation] ?? "a fixed curve"}.` : "";
  return `${sentenceOf(node, window, high, wide)}${stride}${then} Gives ${size}.`;
}

const MEANINGS = {
  relu: "negative sums become 0", relu6: "sums below 0 become 0, above 6 become 6", sigmoid: "a smooth step from 0 to 1",
  hardsigmoid: "a step from 0 to 1 in straight lines", hardswish: "the sum times a step from 0 to 1", silu: "the sum times a smooth step",
};

function sentenceOf({ op, shape, reads }, window, high, wide) {
  if (op === "input") return "The photo as numbers: its levels, scaled as the network was trained.";
  if (op === "linear") return `Linear layer: each output is a weighted sum of all ${window?.inputs ?? ""} features.`;
  if (op === "conv2d" && window) {
    const each = window.inputs / window.groups;
    if (each === 1) return `Depthwise ${high} x ${wide} convolution: a kernel of its own filters each channel.`;
    if (high * wide === 1) return `1 x 1 convolution: each pixel is a weighted sum of the same pixel in ${each} input channels.`;
    return `${high} x ${wide} convolution: each pixel is a weighted sum of a ${high} x ${wide} window in ${each} input channels.`;
  }
  if (op.startsWith("quantized_")) return `Operator ${op}, in 8-bit codes; explain --dequantize shows its sums.`;
  return {
    add: "Adds maps pixel by pixel: a shortcut leads around the layers between.",
    mul: "Multiplies: a gate weakens or keeps each channel.",
    max_pool2d: `The largest value of each ${high} x ${wide} window.`,
    avg_pool2d: `The mean of each ${high} x ${wide} window.`,
    adaptive_avg_pool2d: shape[1] * shape[2] === 1 ? "The mean of each map: one number a channel, whatever its place." : "Means of bins.",
    mean: "The mean of each map: one number a channel, whatever its place.",
    concat: `Puts the channels of ${reads.length} inputs one after the other.`,
    channel_shuffle: "Deals out the channels of all groups in turn.",
    flatten: "The same numbers in one row.", reshape: "The same numbers in another shape.",
    softmax: "Probabilities: powers of e, divided by their sum.",
  }[op] ?? `Operator ${op}.`;
}
