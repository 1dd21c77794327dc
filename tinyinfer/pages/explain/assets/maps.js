"use strict";
// Where feature maps and kernels come from: out of the page, or out of the network that runs in it.

/** Maps of one card: `plane(channel)` is its numbers, or null for a channel that is not in the page. */
class Maps {
  constructor(shape, kept, data) {
    Object.assign(this, { shape, data, area: shape[1] * shape[2] });
    this.kept = kept ?? [...Array(shape[0]).keys()];
    this.row = new Map(this.kept.map((channel, row) => [channel, row]));
  }

  plane(channel) {
    const row = this.row.get(channel);
    return row === undefined ? null : this.data.subarray(row * this.area, (row + 1) * this.area);
  }
}

/** What Python embedded in 8 bits, unpacked when it is first asked for. */
class EmbeddedMaps {
  constructor(nodes) {
    Object.assign(this, { nodes, made: new Map() });
  }

  maps(card) {
    return this.once(`maps-${card}`, async (name) => {
      const { shape, maps } = this.nodes[card];
      return new Maps(shape, maps, await numbersOf(embedded(name), (maps ?? { length: shape[0] }).length));
    });
  }

  /** {weights, bias} of an output channel, or null. */
  async kernel(card, channel) {
    const all = await this.kernels(card);
    const row = all?.row.get(channel);
    return row === undefined
      ? null
      : { weights: all.rows.subarray(row * all.size, (row + 1) * all.size), bias: all.bias[row] };
  }

  /** All kernels that are there: {kept, rows, size, bias}, or null. */
  kernels(card) {
    if (!document.getElementById(`data-kernels-${card}`)) return Promise.resolve(null);
    return this.once(`kernels-${card}`, async (name) => {
      const packed = embedded(name);
      const bias = new Float32Array(bytesOf(packed.bias).buffer);
      const rows = await numbersOf(packed.rows, bias.length);
      const kept = this.nodes[card].kernels ?? [...bias.keys()];
      return {
        kept,
        rows,
        bias,
        size: rows.length / bias.length,
        row: new Map(kept.map((channel, row) => [channel, row])),
      };
    });
  }

  once(name, make) {
    if (!this.made.has(name)) this.made.set(name, make(name));
    return this.made.get(name);
  }
}

/** The numbers of `codes` in eight_bits.py: for each row, low + step * byte. */
async function numbersOf(text, rows) {
  const stream = new Blob([bytesOf(text)]).stream().pipeThrough(new DecompressionStream("deflate"));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  const head = new DataView(bytes.buffer),
    size = (bytes.length - 8 * rows) / rows;
  const numbers = new Float32Array(rows * size);
  for (let row = 0; row < rows; row++) {
    const low = head.getFloat32(8 * row, true),
      step = head.getFloat32(8 * row + 4, true);
    for (let i = row * size; i < (row + 1) * size; i++) numbers[i] = low + step * bytes[8 * rows + i];
  }
  return numbers;
}

/** The network in its worker: what is asked of it, and the maps of its last run. */
class LiveMaps {
  constructor(nodes, program) {
    Object.assign(this, { nodes, program, waiting: new Map(), asked: 0, made: new Map() });
    this.weights = new Float32Array(bytesOf(program.weights).buffer);
    this.worker = startWorker("network");
    this.worker.onmessage = ({ data: { id, answer, error } }) => {
      const { resolve, reject } = this.waiting.get(id);
      this.waiting.delete(id);
      if (error) reject(new Error(error));
      else resolve(answer);
    };
    const { weights, ...steps } = program;
    this.ask("load", { program: steps, weights: this.weights });
  }

  ask(what, rest) {
    const id = ++this.asked;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.worker.postMessage({ id, ask: what, ...rest });
    });
  }

  /** Run on an input; `off` is [value's number, channels] of what is switched off. */
  async run(input, off) {
    const result = await this.ask("run", { input, off });
    this.made.clear();
    return result;
  }

  maps(card) {
    if (!this.made.has(card)) this.made.set(card, this.fetch(card));
    return this.made.get(card);
  }

  async fetch(card) {
    const numbers = card === 0 ? [0] : this.program.steps[card - 1].writes;
    const values = await this.ask("values", { numbers });
    const data = new Float32Array(values.reduce((sum, value) => sum + value.data.length, 0));
    values.reduce((at, value) => (data.set(value.data, at), at + value.data.length), 0);
    return new Maps(this.nodes[card].shape, null, data);
  }

  async kernel(card, channel) {
    const all = await this.kernels(card);
    return all && { weights: all.rows.subarray(channel * all.size, (channel + 1) * all.size), bias: all.bias[channel] };
  }

  async kernels(card) {
    const step = this.program.steps[card - 1];
    if (!step?.weight) return null;
    const rows = this.weights.subarray(...step.weight),
      bias = this.weights.subarray(...step.bias);
    return { kept: [...bias.keys()], rows, bias, size: rows.length / bias.length };
  }
}
