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
    const rows = (this.kinds.get(kind) ?? []).map((row) => [squared(row.logs, logs), row.rate]);
    if (!rows.length) return { rate: 0, near: Infinity };
    rows.sort(([a, p], [b, q]) => a - b || p - q);
    const [near, nearest] = rows[0];
    if (near < SAME) return { rate: nearest, near };
    const last = rows[Math.min(NEIGHBOURS, rows.length) - 1][0] + SAME; // those that are as far count, too
    const like = rows.filter(([d]) => d <= last);
    const total = like.reduce((sum, [d]) => sum + 1 / d, 0);
    return { rate: like.reduce((sum, [d, rate]) => sum + rate / d, 0) / total, near };
  }
}

function squared(a, b) {
  return a.reduce((sum, value, i) => sum + (value - b[i]) ** 2, 0);
}
