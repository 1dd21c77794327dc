"use strict";
// Kernels as pictures.

/**
 * A sheet of a node's kernels for TileSheet, with a `note` of what it shows; `pick` where tiles stand for output
 * channels: of depthwise layers and those that read the photo.  Of others the kernel of one output channel is shown, a
 * tile for each input channel.  1x1 kernels are numbers, each a tile.
 */
function kernelSheet(node, all, channel) {
  const {
    kernel: [high, wide],
    inputs,
    groups,
  } = node.window ?? { kernel: [0, 0] };
  if (!high) return null;
  const taps = high * wide,
    each = inputs / groups;
  const side = taps === 1 ? 26 : Math.max(36, 9 * Math.max(high, wide));
  const size = {
    width: Math.round((side * wide) / Math.max(high, wide)),
    height: Math.round((side * high) / Math.max(high, wide)),
  };
  const rowOf = (row) => all.rows.subarray(row * all.size, (row + 1) * all.size);
  if (each === 1 || (each === 3 && taps > 1)) {
    return {
      ...size,
      count: all.kept.length,
      chosen: all.kept.indexOf(channel),
      pick: true,
      note:
        each === 1
          ? "One kernel for each channel."
          : "Each kernel looks at three colours: red, green and blue of what you see are its weights, grey is 0.",
      paint: (context, i, x, y, w, t) =>
        context.drawImage(
          each === 1 ? canvasOf(pictureOf(rowOf(i), high, wide)) : colourKernel(rowOf(i), high, wide),
          x,
          y,
          w,
          t,
        ),
      says: (i) => `kernel of channel ${all.kept[i]}`,
    };
  }
  const row = all.kept.indexOf(channel);
  if (row < 0) return null;
  const own = rowOf(row),
    bound = boundOf(own);
  return {
    ...size,
    count: each,
    chosen: -1,
    pick: false,
    note: `Of output channel ${channel}: its weights for each of ${each} input channels, on one scale.`,
    paint: (context, i, x, y, w, t) =>
      context.drawImage(canvasOf(pictureOf(own.subarray(i * taps, (i + 1) * taps), high, wide, bound)), x, y, w, t),
    says: (i) => (taps === 1 ? `weight of input ${i}: ${digits(own[i])}` : `kernel of input ${i}`),
  };
}

/** A kernel over red, green and blue as a colour picture. */
function colourKernel(weights, height, width) {
  const picture = new ImageData(width, height),
    bound = boundOf(weights),
    area = height * width;
  for (let i = 0; i < area; i++) {
    const level = (c) => Math.round(127.5 + (127.5 * weights[c * area + i]) / (bound || 1));
    picture.data.set([level(0), level(1), level(2), 255], 4 * i);
  }
  return canvasOf(picture);
}
