"use strict";
// A network in plain JavaScript.  Values are maps: a Float32Array of channels x height x width, row after row, and
// their shape [C, H, W]; features are maps of one pixel.  A step is one operator with what it reads and writes, as
// live.py of tinyinfer wrote it.

/** Runs a program on an input, and remembers every value. */
class Network {
  constructor(program, weights) {
    Object.assign(this, { program, weights, values: [] });
  }

  /**
   * All values for an input (Float32Array of the program's input shape); returns the output.
   * `off` has for some values, by number, the channels that are set to 0 as soon as they are computed.
   */
  run(input, off = new Map()) {
    this.values = [{ data: input, shape: this.program.input }];
    this.silence(0, off);
    for (const step of this.program.steps) {
      const read = step.reads.map((number) => this.values[number]);
      const made = OPERATORS[step.op](step, read, this.weights);
      const activation = ACTIVATIONS[step.activation];
      made.forEach((data, i) => {
        if (activation)
          data.forEach((x, at) => {
            data[at] = activation(x);
          });
        this.values[step.writes[i]] = { data, shape: step.shapes[i] };
        this.silence(step.writes[i], off);
      });
    }
    return this.values[this.program.output].data;
  }

  silence(number, off) {
    const {
      data,
      shape: [, height, width],
    } = this.values[number];
    for (const channel of off.get(number) ?? []) data.fill(0, channel * height * width, (channel + 1) * height * width);
  }
}

/** Each takes a step, the values it reads and all weights, and returns the data of what it writes. */
const OPERATORS = {
  conv2d(step, [x], weights) {
    return [convolve(step, x, weights.subarray(...step.weight), weights.subarray(...step.bias))];
  },
  add: (step, read) => [combined(step, read, (a, b) => a + b)],
  mul: (step, read) => [combined(step, read, (a, b) => a * b)],
  max_pool2d: (step, [x]) => [pooled(step, x, (values) => Math.max(...values))],
  avg_pool2d: (step, [x]) => [pooled(step, x, (values, size) => total(values) / (step.inside ? values.length : size))],
  bins: (step, [x]) => [binned(step, x)],
  concat: (step, read) => [Float32Array.from(read.flatMap(({ data }) => [...data]))],
  split(step, [x]) {
    let at = 0;
    return step.shapes.map(([c, h, w]) => x.data.slice(at, (at += c * h * w)));
  },
  channel_shuffle(
    step,
    {
      0: {
        data,
        shape: [channels, h, w],
      },
    },
  ) {
    const y = new Float32Array(data.length),
      area = h * w,
      each = channels / step.groups;
    for (let c = 0; c < channels; c++) {
      // a table of groups x each, transposed
      const to = (c % each) * step.groups + Math.floor(c / each);
      y.set(data.subarray(c * area, (c + 1) * area), to * area);
    }
    return [y];
  },
  scale_shift(step, [x], weights) {
    const scale = weights.subarray(...step.scale),
      shift = weights.subarray(...step.shift),
      area = x.data.length / scale.length;
    return [x.data.map((value, at) => value * scale[Math.floor(at / area)] + shift[Math.floor(at / area)])];
  },
  softmax: (step, [x]) => [Float32Array.from(softmax(x.data))],
  log_softmax: (step, [x]) => [Float32Array.from(softmax(x.data), Math.log)],
  view: (step, [x]) => [x.data.slice()],
  slice: (step, [x]) => [moved(step, x, (i, axis) => step.start[axis] + i * step.step[axis], 0)],
  pad: (step, [x]) => [moved(step, x, (i, axis) => i - step.before[axis], step.value)],
};
for (const name of Object.keys(ACTIVATIONS)) OPERATORS[name] = (step, [x]) => [x.data.map((v) => ACTIVATIONS[name](v))];

/** Convolution with groups: every tap of a kernel adds its weight times a shifted, strided plane of the input. */
function convolve(step, x, weight, bias) {
  const [[channels, height, width], [maps, high, wide]] = [x.shape, step.shapes[0]];
  const {
    kernel: [r, s],
    stride,
    pad,
    dilation,
    groups,
  } = step;
  const each = channels / groups,
    perGroup = maps / groups;
  const y = new Float32Array(maps * high * wide),
    sums = new Float64Array(high * wide);
  for (let m = 0; m < maps; m++) {
    sums.fill(bias[m]);
    const first = Math.floor(m / perGroup) * each;
    for (let c = 0; c < each; c++) {
      for (let i = 0; i < r; i++) {
        const rows = inside(i * dilation[0] - pad[0], stride[0], height, high);
        for (let j = 0; j < s; j++) {
          const columns = inside(j * dilation[1] - pad[1], stride[1], width, wide);
          const w = weight[((m * each + c) * r + i) * s + j];
          for (let oy = rows.from; oy < rows.to; oy++) {
            let at =
              ((first + c) * height + oy * stride[0] + rows.shift) * width + columns.from * stride[1] + columns.shift;
            const end = oy * wide + columns.to;
            for (let to = oy * wide + columns.from; to < end; to++, at += stride[1]) sums[to] += w * x.data[at];
          }
        }
      }
    }
    y.set(sums, m * high * wide);
  }
  return y;
}

/** Outputs from..to - 1 of `count` whose tap, at output * stride + shift, lies on an image of this size. */
function inside(shift, stride, size, count) {
  const from = Math.max(0, Math.ceil(-shift / stride));
  const to = Math.min(count, Math.floor((size - 1 - shift) / stride) + 1);
  return { shift, from, to };
}

/** Two values element by element; one of a single pixel, or a single channel, serves all. */
function combined(step, [a, b], join) {
  const [channels, height, width] = step.shapes[0];
  const y = new Float32Array(channels * height * width);
  const at = ({ data, shape: [c, h, w] }, k, i, j) =>
    data[((c > 1 ? k : 0) * h + (h > 1 ? i : 0)) * w + (w > 1 ? j : 0)];
  for (let k = 0, o = 0; k < channels; k++) {
    for (let i = 0; i < height; i++) {
      for (let j = 0; j < width; j++, o++) y[o] = join(at(a, k, i, j), at(b, k, i, j));
    }
  }
  return y;
}

/** Windows that slide over each channel; `reduce` gets the values on the image, and how many a whole window has. */
function pooled(step, x, reduce) {
  const [[, height, width], [channels, high, wide]] = [x.shape, step.shapes[0]];
  const {
    kernel: [r, s],
    stride,
    pad,
    dilation,
  } = step;
  const y = new Float32Array(channels * high * wide);
  for (let o = 0; o < y.length; o++) {
    const [c, oy, ox] = [Math.floor(o / (high * wide)), Math.floor(o / wide) % high, o % wide];
    const values = [];
    for (let i = 0; i < r; i++) {
      for (let j = 0; j < s; j++) {
        const iy = oy * stride[0] - pad[0] + i * dilation[0],
          ix = ox * stride[1] - pad[1] + j * dilation[1];
        if (iy >= 0 && iy < height && ix >= 0 && ix < width) values.push(x.data[(c * height + iy) * width + ix]);
      }
    }
    y[o] = reduce(values, r * s);
  }
  return y;
}

/** Means of bins that cover each channel: bin i is floor(i size / count) to ceil((i + 1) size / count). */
function binned(step, x) {
  const [[, height, width], [channels, high, wide]] = [x.shape, step.shapes[0]];
  const span = (i, size, count) => [Math.floor((i * size) / count), Math.ceil(((i + 1) * size) / count)];
  const y = new Float32Array(channels * high * wide);
  for (let o = 0; o < y.length; o++) {
    const [c, oy, ox] = [Math.floor(o / (high * wide)), Math.floor(o / wide) % high, o % wide];
    const [top, bottom] = span(oy, height, high),
      [left, right] = span(ox, width, wide);
    let sum = 0;
    for (let i = top; i < bottom; i++) for (let j = left; j < right; j++) sum += x.data[(c * height + i) * width + j];
    y[o] = sum / ((bottom - top) * (right - left));
  }
  return y;
}

/** Each output place taken from the input's place `from` along each axis; where there is none, `value`. */
function moved(step, { data, shape }, from, value) {
  const [channels, high, wide] = step.shapes[0];
  const y = new Float32Array(channels * high * wide).fill(value);
  const on = (place, axis) => place >= 0 && place < shape[axis];
  for (let o = 0; o < y.length; o++) {
    const [c, i, j] = [Math.floor(o / (high * wide)), Math.floor(o / wide) % high, o % wide].map(from);
    if (on(c, 0) && on(i, 1) && on(j, 2)) y[o] = data[(c * shape[1] + i) * shape[2] + j];
  }
  return y;
}

function total(values) {
  return values.reduce((sum, x) => sum + x, 0);
}
