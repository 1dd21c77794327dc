// What happens in a step, in one sentence, and what a chapter is about.

const IDEAS = {
  window: "The definition. A window slides over the image; each result is the window times a kernel, one number at a time. Two loads for every multiplication.",
  im2col: "Write every window out as a row. Now both factors lie in one piece, and the convolution is a matrix product. The price: K² copies of the image.",
  panels: "Pack the weights so that those of several kernels lie side by side. One vector load then brings a weight for every lane, and a number of the image meets all of them at once.",
  "register tile": "Four pixels at a time, too. Their sums stay in registers; a vector of weights, once loaded, serves four pixels, and a number of the image serves all lanes.",
  "line buffer": "Drop the matrix. Keep as many rows of the image as a kernel is high, and let each new row take the place of the oldest. The tile reads its windows out of the buffer, and the image is read once.",
  Winograd: "Change the arithmetic. Tiles of 4 × 4 are transformed by additions; multiplied place by place and transformed back, they give 2 × 2 results with 16 multiplications in place of 36.",
};

const PHASES = {
  gather: "write windows as rows",
  multiply: "multiply",
  pack: "pack weights (once, when the model is loaded)",
  stream: "rows in, results out",
  kernels: "transform kernels (once, when the model is loaded)",
  tiles: "transform tiles",
  back: "transform back",
};

const plural = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;
const upTo = (first, count) => (count === 1 ? `${first}` : `${first} to ${first + count - 1}`);

/** The index of the first address that a step writes or reads in an array. */
function indexIn(player, name, which) {
  const array = player.arrays.get(name);
  const found = player.last[which].find(([address]) => arrayAt(player.arrays, address) === array);
  return found ? indexOf(array, found[0]) : null;
}

const SENTENCES = {
  dot(player) {
    const { y, x, m } = indexIn(player, "result", "writes");
    const { depth } = player.setting;
    const value = numberText(player.machine.memory[player.last.writes[0][0]]);
    if (player.chapter.name === "window") {
      return `Kernel ${m} on the window at row ${y}, column ${x}: ${plural(depth, "number")} of the image times ${plural(depth, "weight")}, added up, gives ${value}.`;
    }
    const { p } = indexIn(player, "matrix", "reads");
    return `Row ${p} of the matrix times kernel ${m}: ${plural(depth, "product")} of numbers that lie side by side add up to ${value}.`;
  },
  gather(player) {
    const { p } = indexIn(player, "matrix", "writes");
    const { layout, kernel } = player.setting;
    const why = layout === "NHWC"
      ? "channels last, so a pixel's channels lie side by side"
      : `channel after channel, so only the ${plural(kernel, "number")} of a kernel's row lie side by side`;
    return `Window ${p} is copied into row ${p} of the matrix, in ${plural(player.last.reads.length, "piece")}: the image lies ${why}.`;
  },
  pack(player) {
    const { q } = indexIn(player, "panels", "writes");
    const { lanes } = player.setting;
    return `Panel ${q} is packed: tap by tap, the weights of kernel${lanes > 1 ? "s" : ""} ${upTo(q * lanes, lanes)} come to lie side by side, as a vector will read them.`;
  },
  row(player) {
    const { p } = indexIn(player, "matrix", "reads");
    const { q } = indexIn(player, "panels", "reads");
    const { depth, lanes } = player.setting;
    return `Row ${p} times panel ${q}: each of its ${plural(depth, "number")} meets ${plural(lanes, "weight")} of one vector load, which makes ${plural(lanes, "result")} at once.`;
  },
  tap(player) {
    const rows = player.last.reads.length - 1;
    const lanes = player.last.reads[0][1];
    const factors = `one vector of ${plural(lanes, "weight")} and one number each of ${plural(rows, rowName(player))}`;
    return `${tapName(player)}: ${factors} make ${plural(rows * lanes, "multiply-add")} out of ${plural(rows + 1, "load")}; the sums stay in registers.`;
  },
  store(player) {
    const count = player.last.writes.reduce((sum, [, numbers]) => sum + numbers, 0);
    const how = player.last.writes[0][1] > 1 ? "as vectors" : "number by number";
    return `The tile is complete: ${plural(count, "sum")} leave${count === 1 ? "s" : ""} the registers for memory, ${how}.`;
  },
  line(player) {
    const { y } = indexIn(player, "image", "reads");
    const { kernel } = player.setting;
    const old = y - kernel;
    const place = old >= 0 ? `in place of row ${old}, which no window needs any more` : "into a place that is still empty";
    return `Row ${y} of the image comes into the buffer, ${place}.`;
  },
  kernel(player) {
    const { q, l, c } = indexIn(player, "kernels in 4x4", "writes");
    return `Kernel ${q * 4 + l}, channel ${c}: its 3 × 3 weights become 4 × 4, by additions and halves alone.`;
  },
  input(player) {
    const { p, c } = indexIn(player, "tiles in 4x4", "writes");
    return `Tile ${p}, channel ${c}: 4 × 4 numbers of the image become 4 × 4 sums and differences of them, by 32 additions.`;
  },
  output(player) {
    const { p, m } = indexIn(player, "products", "reads");
    return `Tile ${p}, kernel ${m}: the 4 × 4 products become 2 × 2 results, by 24 additions.`;
  },
};

function rowName(player) {
  return player.chapter.name === "Winograd" ? "tile" : "pixel";
}

/** Which tap a step of a tile multiplies: its place in the panel that the step reads. */
function tapName(player) {
  if (player.chapter.name === "Winograd") {
    const { e, c } = indexIn(player, "kernels in 4x4", "reads");
    return `Place ${e} of 16, channel ${c}`;
  }
  const { t } = indexIn(player, "panels", "reads");
  const { c, ky, kx } = indexOf(player.arrays.get("weights"), player.arrays.get("weights").start + t);
  return `Tap ${t + 1} of ${player.setting.depth} (row ${ky}, column ${kx}, channel ${c} of the window)`;
}

/** The sentence of the step that was done last. */
function sentenceOf(player) {
  return SENTENCES[player.step.kind](player);
}

/** A number of the toy, exact: whole, or in halves and quarters. */
function numberText(value) {
  return Number.isNaN(value) ? "" : String(value).replace("-", "−");
}
