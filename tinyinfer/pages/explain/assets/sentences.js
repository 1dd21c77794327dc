"use strict";
// Nodes and pixels in words.

/** What a node does, in a sentence or two. */
function describeNode(node, nodes) {
  if (!node.shape) return `Operator ${node.op}.`;
  const [channels, height, width] = node.shape;
  const size = height * width > 1 ? `${channels} maps of ${height} x ${width}` : `${channels} numbers`;
  const window = node.window,
    [high, wide] = window?.kernel ?? [];
  const stride =
    window?.stride && Math.max(...window.stride) > 1
      ? ` It moves by ${window.stride[0]} pixels, so that maps become smaller.`
      : "";
  const then = node.activation ? ` Then ${node.activation}: ${MEANINGS[node.activation] ?? "a fixed curve"}.` : "";
  return `${sentenceOf(node, window, high, wide)}${stride}${then} Gives ${size}.`;
}

const MEANINGS = {
  relu: "negative sums become 0",
  relu6: "sums below 0 become 0, above 6 become 6",
  sigmoid: "a smooth step from 0 to 1",
  hardsigmoid: "a step from 0 to 1 in straight lines",
  hardswish: "the sum times a step from 0 to 1",
  silu: "the sum times a smooth step",
};

function sentenceOf({ op, shape, reads }, window, high, wide) {
  if (op === "input") return "The photo as numbers: its levels, scaled as the network was trained.";
  if (op === "linear") return `Linear layer: each output is a weighted sum of all ${window?.inputs ?? ""} features.`;
  if (op === "conv2d" && window) {
    const each = window.inputs / window.groups;
    if (each === 1) return `Depthwise ${high} x ${wide} convolution: a kernel of its own filters each channel.`;
    if (high * wide === 1)
      return `1 x 1 convolution: each pixel is a weighted sum of the same pixel in ${each} input channels.`;
    const size = `${high} x ${wide}`;
    return `${size} convolution: each pixel is a weighted sum of a ${size} window in ${each} input channels.`;
  }
  if (op.startsWith("quantized_")) return `Operator ${op}, in 8-bit codes; explain --dequantize shows its sums.`;
  return (
    {
      add: "Adds maps pixel by pixel: a shortcut leads around the layers between.",
      mul: "Multiplies: a gate weakens or keeps each channel.",
      max_pool2d: `The largest value of each ${high} x ${wide} window.`,
      avg_pool2d: `The mean of each ${high} x ${wide} window.`,
      adaptive_avg_pool2d:
        shape[1] * shape[2] === 1
          ? "The mean of each map: one number a channel, whatever its place."
          : "Means of bins.",
      mean: "The mean of each map: one number a channel, whatever its place.",
      concat: `Puts the channels of ${reads.length} inputs one after the other.`,
      split: "Cuts the channels into parts, which go different ways.",
      slice: "Takes part of the maps, or every other row and column of them.",
      pad: "Puts channels, rows or columns of one number around the maps.",
      batch_norm: "Batch norm: scales and shifts each channel by numbers of its own, learnt and then fixed.",
      scale_shift: "Scales and shifts each channel by fixed numbers.",
      channel_shuffle: "Deals out the channels of all groups in turn.",
      flatten: "The same numbers in one row.",
      reshape: "The same numbers in another shape.",
      softmax: "Probabilities: powers of e, divided by their sum.",
    }[op] ?? `Operator ${op}.`
  );
}

const MEANT = {
  max: ", the largest of what it reads",
  mean: ", the mean of what it reads",
  concat: ", taken over as it is",
  copy: ", taken over as it is",
  same: ", from the same pixel of what it reads",
};

/** How a pixel {channel, y, x, value} comes about; `found` is what termsOf found. */
function tellPixel(node, { channel, y, x, value }, found) {
  const where =
    node.shape[1] * node.shape[2] > 1 ? `Row ${y}, column ${x} of channel ${channel}` : `Channel ${channel}`;
  if (node.op === "input") return `${where} is ${digits(value)}: the photo's level, scaled as the network was trained.`;
  const kind = node.window?.kind;
  if (!found?.terms.length) {
    const why = kind === "conv" ? " The maps or the kernel that it comes from were left out of this file." : "";
    return `${where} is ${digits(value)}.${why}`;
  }
  if (kind === "conv") return `${where}: ${tellSum(node, value, found)}.`;
  const then = node.activation ? `, after ${node.activation},` : "";
  const joined = (sign) => found.terms.map((term) => digits(term.adds)).join(sign);
  if (kind === "add" || kind === "mul")
    return `${where}: ${joined(kind === "add" ? " + " : " × ")}${then} = ${digits(value)}.`;
  return `${where} is ${digits(value)}${MEANT[kind] ?? ""}.`;
}

function tellSum({ activation }, value, { terms, missing, bias }) {
  const sum = terms.reduce((all, term) => all + term.adds, 0);
  const channels = `${terms.length} input ${terms.length === 1 ? "channel" : "channels"}`;
  const start = `bias ${digits(bias)} and ${digits(sum)} from ${channels}`;
  const end = activation ? `; after ${activation} ${digits(value)}` : "";
  if (!missing) return `${start} = ${digits(bias + sum)}${end}`;
  return `${start}, and what ${missing} channels add that are not in this file${end || ` = ${digits(value)}`}`;
}
