// Networks as lists of nodes with shapes and counts: builder.py's twin, for the operators of the sandbox's families.

/** Python's round: halves go to the even neighbour. */
function roundEven(x) {
  const low = Math.floor(x);
  const rest = x - low;
  if (rest !== 0.5) return Math.round(x);
  return low % 2 === 0 ? low : low + 1;
}

/** Nearest multiple of `divisor`, at most 10 % below (blocks/conv_bn_act.py). */
function makeDivisible(channels, divisor = 8) {
  const rounded = Math.max(divisor, Math.floor(Math.trunc(channels + divisor / 2) / divisor) * divisor);
  return rounded < 0.9 * channels ? rounded + divisor : rounded;
}

const sizeOf = (shape) => shape.reduce((product, n) => product * n, 1);

class Builder {
  constructor() {
    this.nodes = [];
    this.shapes = []; // of values, by number: [C, H, W] or [C]
    this.block = "";
  }

  value(shape) {
    this.shapes.push(shape);
    return this.shapes.length - 1;
  }

  input(channels, side) {
    return this.value([channels, side, side]);
  }

  channels(x) {
    return this.shapes[x][0];
  }

  /** A node; `params` are learnable numbers, `read` all that are read beside the inputs. */
  node(op, inputs, shapes, { macs = 0, params = 0, read = params, ...attributes } = {}) {
    const outputs = shapes.map((shape) => this.value(shape));
    const moved = [...inputs, ...outputs].reduce((sum, value) => sum + sizeOf(this.shapes[value]), read);
    const isView = op === "flatten" || op === "dropout";
    this.nodes.push({ op, inputs, outputs, block: this.block, macs, params, access: isView ? 0 : moved, ...attributes });
    return outputs;
  }

  conv2d(x, channels, kernel, { stride = 1, groups = 1, bias = false } = {}) {
    const [c, height, width] = this.shapes[x];
    if (c % groups || channels % groups) throw new RangeError(`${groups} groups do not divide ${c} and ${channels} channels`);
    const out = (side) => Math.floor((side + 2 * Math.floor(kernel / 2) - kernel) / stride) + 1;
    const shape = [channels, out(height), out(width)];
    const weights = (channels * c * kernel * kernel) / groups;
    const [y] = this.node("conv2d", [x], [shape], {
      macs: weights * shape[1] * shape[2], params: weights + (bias ? channels : 0), kernel, stride, groups, in: c, out: channels,
    });
    return y;
  }

  batchNorm(x) {
    const c = this.channels(x);
    return this.node("batch_norm", [x], [this.shapes[x]], { params: 2 * c, read: 4 * c })[0];
  }

  /** Whatever keeps the shape of its first input. */
  same(op, ...inputs) {
    return this.node(op, inputs, [this.shapes[inputs[0]]])[0];
  }

  shuffle(x, groups) {
    return this.node("channel_shuffle", [x], [this.shapes[x]], { groups })[0];
  }

  pool(op, x) {
    const [c, height, width] = this.shapes[x];
    const out = (side) => Math.floor((side + 2 - 3) / 2) + 1;
    return this.node(op, [x], [[c, out(height), out(width)]])[0];
  }

  globalPool(x) {
    return this.node("adaptive_avg_pool2d", [x], [[this.channels(x), 1, 1]])[0];
  }

  flatten(x) {
    return this.node("flatten", [x], [[sizeOf(this.shapes[x])]])[0];
  }

  linear(x, features, bias = true) {
    const c = this.channels(x);
    return this.node("linear", [x], [[features]], { macs: c * features, params: c * features + (bias ? features : 0), in: c, out: features })[0];
  }

  halves(x) {
    const [c, height, width] = this.shapes[x];
    return this.node("split", [x], [[c / 2, height, width], [c / 2, height, width]]);
  }

  concat(a, b) {
    const [c, height, width] = this.shapes[a];
    return this.node("concat", [a, b], [[c + this.channels(b), height, width]])[0];
  }
}
