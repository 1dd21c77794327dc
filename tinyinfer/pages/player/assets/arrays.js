// Arrays of a setting: what an address holds, in words, and where it is drawn.

const GAP = 0.7; // between planes, in cells

/** The arrays by name, with their sizes. */
function arraysOf(setting) {
  return new Map(setting.arrays.map(([name, start, axes]) => {
    const size = axes.reduce((product, [, length]) => product * length, 1);
    return [name, { name, start, axes, size }];
  }));
}

/** The array that holds an address. */
function arrayAt(arrays, address) {
  for (const array of arrays.values()) {
    if (address >= array.start && address < array.start + array.size) return array;
  }
  return null;
}

/** {axis: index} of an address. */
function indexOf(array, address) {
  const index = {};
  let rest = address - array.start;
  for (const [axis, size] of [...array.axes].reverse()) {
    index[axis] = rest % size;
    rest = Math.floor(rest / size);
  }
  return index;
}

const planes = (across, row, size, y, x) => [
  (across % row) * (size + GAP) + x,
  Math.floor(across / row) * (size + GAP) + y,
];

/** Where a number stands, [x, y] in cells; `narrow` for a phone. */
const PLACES = {
  image: (i, s, narrow) => planes(i.c, narrow ? 2 : 4, 6, i.y, i.x),
  weights: (i, s) => [i.m * (s.kernel + GAP) + i.kx, i.c * (s.kernel + GAP) + i.ky],
  result: (i, s) => planes(i.m, 4, s.out, i.y, i.x),
  matrix: (i, s) => [i.g * (s.depth + GAP) + i.t, i.p],
  panels: (i, s) => [i.t, i.q * (s.lanes + GAP) + i.l],
  lines: (i) => [i.x * (4 + GAP / 2) + i.c, i.s],
  "tiles in 4x4": (i) => [i.p * (4 + GAP) + (i.e % 4), i.c * (4 + GAP) + Math.floor(i.e / 4)],
  "kernels in 4x4": (i) => [(i.q * 4 + i.l) * (4 + GAP) + (i.e % 4), i.c * (4 + GAP) + Math.floor(i.e / 4)],
  products: (i) => [i.m * (4 + GAP) + (i.e % 4), i.p * (4 + GAP) + Math.floor(i.e / 4)],
};

/** One line below an array's name. */
function captionOf(name, s) {
  const order = s.layout === "NHWC" ? "channels last" : "channel after channel";
  return {
    image: `4 channels of 6 × 6, in memory ${order}`,
    weights: `8 kernels, each ${s.kernel} × ${s.kernel} in ${4 / s.groups} channel${s.groups === 4 ? "" : "s"}`,
    result: `8 channels of ${s.out} × ${s.out}, in memory ${order}`,
    matrix: `${s.out ** 2} windows by ${s.depth} taps${s.groups > 1 ? `, for each of ${s.groups} groups` : ""}`,
    panels: `${8 / s.lanes} panels: ${s.depth} taps by ${s.lanes} kernel${s.lanes > 1 ? "s" : ""}`,
    lines: `${s.kernel} row${s.kernel > 1 ? "s" : ""} of the image, channels together`,
    "tiles in 4x4": "4 tiles across, channels below one another",
    "kernels in 4x4": "8 kernels across, channels below one another",
    products: "8 kernels across, 4 tiles below one another",
  }[name];
}

/** An address in words: "row 2, column 3, channel 1", counted from 0. */
function placeInWords(array, address) {
  const names = { c: "channel", y: "row", x: "column", m: "kernel", ky: "row", kx: "column", p: "window", t: "tap", q: "panel", l: "lane", s: "slot", g: "group", e: "place" };
  const index = indexOf(array, address);
  return array.axes.map(([axis]) => `${names[axis]} ${index[axis]}`).join(", ");
}
