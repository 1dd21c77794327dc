// The time of a layer from measured ones that are like it: the twin of timing/predict.py.

const NEIGHBOURS = 4;
const SAME = 1e-9; // of a squared distance in doublings
const LIKE = 0.5; // a layer nearer than this has been measured, or nearly

class Predictor {
  constructor(measured) {
    this.overhead = measured.overhead_ms;
    this.kinds = new Map();
    for (const [kind, sizes, work, nanoseconds] of measured.layers) {
      if (!this.kinds.has(kind)) this.kinds.set(kind, []);
      this.kinds.get(kind).push({ logs: sizes.map(Math.log2), rate: nanoseconds / work });
    }
    this.known = new Map();
  }

  /** {ms, near}: what a layer would take, and how far off the nearest measured one is. */
  of({ kind, sizes, work }) {
    const key = `${kind} ${sizes}`;
    if (!this.known.has(key)) this.known.set(key, this.rate(kind, sizes.map(Math.log2)));
    const { rate, near } = this.known.get(key);
    return { ms: (rate * work) / 1e6, near };
  }

  rate(kind, logs) {
    const rows = (this.kinds.get(kind) ?? []).map((row, i) => [squared(row.logs, logs), i, row.rate]);
    rows.sort(([a, i], [b, j]) => a - b || i - j);
    const nearest = rows.slice(0, NEIGHBOURS);
    if (!nearest.length) return { rate: 0, near: Infinity };
    const near = nearest[0][0];
    if (near < SAME) return { rate: nearest[0][2], near };
    const total = nearest.reduce((sum, [d]) => sum + 1 / d, 0);
    return { rate: nearest.reduce((sum, [d, , rate]) => sum + rate / d, 0) / total, near };
  }
}

function squared(a, b) {
  return a.reduce((sum, value, i) => sum + (value - b[i]) ** 2, 0);
}
