"use strict";
// The arithmetic of one output pixel: which input pixels it reads, how they are weighted, what each channel adds.

/** The first of the channels of an input that an output channel reads, and how many they are. */
function channelsRead({ window, shape }, channel) {
  if (window.kind !== "conv") return { first: channel, count: 1 };
  const count = window.inputs / window.groups;
  return { first: Math.floor(channel / (shape[0] / window.groups)) * count, count };
}

/** {top, left, bottom, right} of what a pixel reads, also where that is beyond the border. */
function windowAt(node, y, x, size) {
  const { window } = node;
  if (window.kernel) {
    const top = y * window.stride[0] - window.pad[0],
      left = x * window.stride[1] - window.pad[1];
    return {
      top,
      left,
      bottom: top + (window.kernel[0] - 1) * window.dilation[0] + 1,
      right: left + (window.kernel[1] - 1) * window.dilation[1] + 1,
    };
  }
  if (window.bins) {
    const [high, wide] = window.bins;
    return {
      top: Math.floor((y * size[1]) / high),
      bottom: Math.ceil(((y + 1) * size[1]) / high),
      left: Math.floor((x * size[2]) / wide),
      right: Math.ceil(((x + 1) * size[2]) / wide),
    };
  }
  const [top, left] = [size[1] > 1 ? y : 0, size[2] > 1 ? x : 0]; // a gate of one pixel serves all
  return { top, left, bottom: top + 1, right: left + 1 };
}

/** The values in a window of one plane as rows; null beyond the border. */
function valuesIn(plane, size, box, dilation = [1, 1]) {
  const rows = [];
  for (let y = box.top; y < box.bottom; y += dilation[0]) {
    const row = [];
    for (let x = box.left; x < box.right; x += dilation[1]) {
      row.push(y >= 0 && y < size[1] && x >= 0 && x < size[2] ? plane[y * size[2] + x] : null);
    }
    rows.push(row);
  }
  return rows;
}

/**
 * How an output pixel comes about: {terms, missing, bias}.  A term is {card, channel, box, values, weights, adds}:
 * what it reads of one channel, the weights (rows, or null), what that adds.  `missing` counts channels that are not in
 * the page.  Null where the page doesn't know the operator's arithmetic, or has not the kernel of this channel.
 */
async function termsOf(source, nodes, card, channel, y, x) {
  const node = nodes[card];
  if (!node.window) return null;
  if (["copy", "concat"].includes(node.window.kind)) return copied(source, node, channel, y, x);
  const kernel = node.window.kind === "conv" ? await source.kernel(card, channel) : null;
  if (node.window.kind === "conv" && !kernel) return null;
  const terms = [];
  let missing = 0;
  for (const [place, offset] of node.reads) {
    const maps = await source.maps(place);
    const { first, count } = channelsRead(node, channel);
    for (let i = 0; i < count; i++) {
      const at = offset + (maps.shape[0] === 1 && node.reads.length > 1 ? 0 : first + i);
      const plane = maps.plane(at);
      if (!plane) {
        missing++;
        continue;
      }
      terms.push(
        termOf(
          node.window,
          { card: place, channel: at, index: i },
          plane,
          maps.shape,
          kernel,
          windowAt(node, y, x, maps.shape),
        ),
      );
    }
  }
  return { terms, missing, bias: kernel ? kernel.bias : 0 };
}

function termOf(window, place, plane, size, kernel, box) {
  const values = valuesIn(plane, size, box, window.dilation);
  const flat = values.flat(),
    seen = flat.filter((value) => value !== null);
  if (window.kind === "conv") {
    const taps = window.kernel[0] * window.kernel[1];
    const own = kernel.weights.subarray(place.index * taps, (place.index + 1) * taps);
    const weights = values.map((row, i) => row.map((_, j) => own[i * window.kernel[1] + j]));
    return { ...place, box, values, weights, adds: flat.reduce((sum, value, i) => sum + (value ?? 0) * own[i], 0) };
  }
  const adds =
    window.kind === "max"
      ? largestOf(seen)
      : seen.reduce((sum, value) => sum + value, 0) / (window.padded ? flat.length : seen.length);
  return { ...place, box, values, weights: null, adds };
}

/** A pixel that is taken over as it is: of a concatenation, from the input that has this channel. */
async function copied(source, node, channel, y, x) {
  let input = 0,
    at = channel;
  for (const channels of node.window.channels ?? []) {
    if (at < channels) break;
    at -= channels;
    input++;
  }
  if (node.window.order) at = node.window.order[at];
  const [place, offset] = node.reads[input];
  const maps = await source.maps(place),
    { shape } = maps;
  const area = shape[1] * shape[2],
    flattened = node.window.kind === "copy" && node.shape[1] * node.shape[2] === 1;
  const from = offset + (flattened ? Math.floor(at / area) : at);
  const plane = maps.plane(from);
  const [row, column] = flattened ? [Math.floor((at % area) / shape[2]), at % shape[2]] : [y, x];
  const box = { top: row, left: column, bottom: row + 1, right: column + 1 };
  if (!plane) return { terms: [], missing: 1, bias: 0 };
  const values = valuesIn(plane, shape, box);
  return {
    terms: [{ card: place, channel: from, index: 0, box, values, weights: null, adds: values[0][0] }],
    missing: 0,
    bias: 0,
  };
}

/** The part of the photo, {top, left, bottom, right}, that a pixel can see; null for all of it. */
function fieldAt(node, y, x, height, width) {
  if (!node.field) return null;
  const [sy, ly, hy, sx, lx, hx] = node.field;
  const within = (value, most) => Math.min(Math.max(value, 0), most);
  return {
    top: within(Math.floor(sy * y + ly), height),
    bottom: within(Math.ceil(sy * y + hy), height),
    left: within(Math.floor(sx * x + lx), width),
    right: within(Math.ceil(sx * x + hx), width),
  };
}
