// The families, each from its paper's table: twins of the builders in tinyinfer/models/zoo.

const CLASSES = 1000;

const timesDepth = (repeats, depth) => Math.max(1, roundEven(repeats * depth));

/** Each repeat of a row, with the stride of the first. */
function* repeated(table, depth) {
  for (const [stage, row] of table.entries()) {
    const [n, stride] = row.slice(-2);
    for (let i = 0; i < timesDepth(n, depth); i += 1) yield { row, stage, stride: i === 0 ? stride : 1 };
  }
}

function classify(b, x) {
  b.block = "classifier";
  return b.linear(b.same("dropout", b.flatten(b.globalPool(x))), CLASSES);
}

const FAMILIES = {
  mobilenet_v1(b, table, { width, depth, resolution }) {
    const activation = "relu6";
    let x = convBnAct(b, b.input(3, resolution), makeDivisible(32 * width), 3, { stride: 2, activation });
    for (const { row: [c], stage, stride } of repeated(table, depth)) {
      b.block = `stage ${stage + 1}`;
      x = convBnAct(b, x, b.channels(x), 3, { stride, groups: b.channels(x), activation });
      x = convBnAct(b, x, makeDivisible(c * width), 1, { activation });
    }
    return classify(b, x);
  },

  mobilenet_v2(b, table, { width, depth, resolution, expansion }) {
    const activation = "relu6";
    let x = convBnAct(b, b.input(3, resolution), makeDivisible(32 * width), 3, { stride: 2, activation });
    for (const { row: [t, c], stage, stride } of repeated(table, depth)) {
      b.block = `stage ${stage + 1}`;
      const factor = t === 1 ? 1 : expansion;
      x = invertedResidual(b, x, makeDivisible(c * width), { hidden: roundEven(b.channels(x) * factor), expand: factor !== 1, stride, activation });
    }
    b.block = "head";
    return classify(b, convBnAct(b, x, makeDivisible(1280 * Math.max(1, width)), 1, { activation }));
  },

  mobilenet_v3_large(b, table, { width, depth, resolution, expansion, attention }) {
    let x = convBnAct(b, b.input(3, resolution), makeDivisible(16 * width), 3, { stride: 2, activation: "hardswish" });
    for (const { row, stage } of rowsOfV3(table, depth, expansion, attention)) {
      b.block = `stage ${stage}`;
      const [kernel, size, c, squeeze, activation, stride] = row;
      const hidden = makeDivisible(size * width);
      const reduced = squeeze ? makeDivisible(Math.floor(hidden / 4)) : 0;
      x = invertedResidual(b, x, makeDivisible(c * width), { hidden, expand: hidden !== b.channels(x), stride, activation, kernel, reduced });
    }
    b.block = "head";
    x = b.flatten(b.globalPool(convBnAct(b, x, 6 * b.channels(x), 1, { activation: "hardswish" })));
    b.block = "classifier";
    x = b.same("dropout", b.same("hardswish", b.linear(x, makeDivisible(1280 * width))));
    return b.linear(x, CLASSES);
  },

  igcv3_d_1x(b, table, { width, depth, resolution, expansion, groups }) {
    const divisor = Math.max(8, groups); // groups are powers of two here
    let x = convBnAct(b, b.input(3, resolution), makeDivisible(32 * width, divisor), 3, { stride: 2, activation: "relu6" });
    for (const { row: [t, c], stage, stride } of repeated(table, depth)) {
      b.block = `stage ${stage + 1}`;
      const hidden = b.channels(x) * (t === 1 ? 1 : expansion);
      x = interleavedResidual(b, x, makeDivisible(c * width, divisor), { hidden, groups, stride });
    }
    b.block = "head";
    return classify(b, convBnAct(b, x, makeDivisible(1280 * Math.max(1, width)), 1, { activation: "relu6" }));
  },

  shufflenet_v1_g3_x1_0(b, repeats, { width, depth, resolution, groups }, { channels }) {
    let x = convBnAct(b, b.input(3, resolution), makeDivisible(24 * width, groups), 3, { stride: 2, activation: "relu" });
    x = b.pool("max_pool2d", x);
    repeats.forEach((n, stage) => {
      b.block = `stage ${stage + 2}`;
      const wide = makeDivisible(channels[groups][stage] * width, 4 * groups);
      for (let i = 0; i < timesDepth(n, depth); i += 1) {
        const entryGroups = stage === 0 && i === 0 ? 1 : groups;
        x = shuffleUnitV1(b, x, wide, { stride: i === 0 ? 2 : 1, entryGroups, groups });
      }
    });
    b.block = "classifier";
    return b.linear(b.flatten(b.globalPool(x)), CLASSES, false);
  },

  shufflenet_v2_x1_0(b, repeats, { width, depth, resolution }, { channels }) {
    const [last, ...stages] = channelsOfV2(channels, width);
    let x = convBnAct(b, b.input(3, resolution), 24, 3, { stride: 2, activation: "relu" });
    x = b.pool("max_pool2d", x);
    repeats.forEach((n, stage) => {
      b.block = `stage ${stage + 2}`;
      for (let i = 0; i < timesDepth(n, depth); i += 1) x = shuffleUnitV2(b, x, stages[stage], i === 0 ? 2 : 1);
    });
    b.block = "head";
    x = convBnAct(b, x, last, 1, { activation: "relu" });
    b.block = "classifier";
    return b.linear(b.flatten(b.globalPool(x)), CLASSES);
  },
};

/** The rows of MobileNet V3's table for a design, as designs/design.py changes them. */
function* rowsOfV3(table, depth, expansion, attention) {
  const stages = [];
  for (const row of table) {
    if (stages.length && stages.at(-1)[0][2] === row[2]) stages.at(-1).push(row);
    else stages.push([row]);
  }
  for (const [number, rows] of stages.entries()) {
    for (let i = 0; i < timesDepth(rows.length, depth); i += 1) {
      const [kernel, size, c, squeeze, activation, stride] = rows[Math.min(i, rows.length - 1)];
      const hidden = size === c ? size : Math.max(8, roundEven(size * expansion));
      const gated = attention === "paper" ? squeeze : attention === "all";
      yield { stage: number + 1, row: [kernel, hidden, c, gated, activation, i < rows.length ? stride : 1] };
    }
  }
}

/** Channels of ShuffleNet V2: of the last convolution, then of the stages; widths between the paper's scale its 1.0. */
function channelsOfV2(channels, width) {
  const known = channels[String(width)] ?? channels[width.toFixed(1)];
  if (known && Number(width.toFixed(1)) === width) return [known[3], ...known.slice(0, 3)];
  const [last, ...stages] = [channels["1.0"][3], ...channels["1.0"].slice(0, 3)];
  return [roundEven(last * Math.max(1, width)), ...stages.map((c) => 2 * Math.max(1, roundEven((c * width) / 2)))];
}

/** The network of a design: its nodes and the shapes of its values. */
function networkOf(family, values) {
  const b = new Builder();
  b.block = "stem";
  FAMILIES[family.name](b, family.table, values, family);
  return b;
}
