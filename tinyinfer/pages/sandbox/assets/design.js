// The design: a family and its knobs, and all that follows from them.

class Design {
  constructor({ families, measured, published }) {
    Object.assign(this, { families, measured, published, watchers: [] });
    this.predictor = new Predictor(measured);
    this.papers = new Map();
    this.choose("mobilenet_v2");
  }

  watch(draw) {
    this.watchers.push(draw);
  }

  /** Another family; knobs that both have keep their values. */
  choose(name, values = this.values) {
    this.family = this.families.find((family) => family.name === name) ?? this.families[0];
    this.values = Object.fromEntries(this.family.knobs.map((knob) => [knob.name, allowed(knob, values?.[knob.name])]));
    this.update();
  }

  set(name, value) {
    this.values = { ...this.values, [name]: value };
    this.update();
  }

  update() {
    Object.assign(this, this.evaluate(this.values));
    this.selected = null;
    for (const draw of this.watchers) draw();
  }

  /** Network, layers with times, totals of some values of the knobs. */
  evaluate(values) {
    const network = networkOf(this.family, values);
    const layers = layersOf(network).map((layer) => ({ ...layer, ...this.predictor.of(layer) }));
    const ms = this.predictor.overhead + layers.reduce((sum, layer) => sum + layer.ms, 0);
    return { network, layers, ms, totals: totalsOf(network) };
  }

  /** What the paper's own network of this family comes to. */
  get paper() {
    const { name, values } = this.family;
    if (!this.papers.has(name)) this.papers.set(name, this.evaluate(values));
    return this.papers.get(name);
  }

  /** How far off predictions were for networks that are not in the table: the median, as a share. */
  get error() {
    const errors = this.measured.checks.map((check) => Math.abs(check.predicted_ms / check.measured_ms - 1)).sort((a, b) => a - b);
    return errors[Math.floor(errors.length / 2)];
  }

  /** The share of the time that layers take of which no like was measured. */
  get guessed() {
    return this.layers.reduce((sum, layer) => sum + (layer.near > LIKE ? layer.ms : 0), 0) / this.ms;
  }

  select(layer) {
    this.selected = layer;
    for (const draw of this.watchers) draw();
  }
}

/** A value that a knob can have: the given one, or the nearest, or the paper's. */
function allowed(knob, value) {
  if (knob.choices.length) return knob.choices.includes(value) ? value : knob.paper;
  if (typeof value !== "number" || Number.isNaN(value)) return knob.paper;
  const steps = Math.round((Math.min(knob.most, Math.max(knob.least, value)) - knob.least) / knob.step);
  return Number((knob.least + steps * knob.step).toFixed(4));
}

/** A layer in words. */
function layerInWords({ kind, sizes, node }) {
  const [a, b, c, d] = sizes;
  const side = (pixels) => { const s = Math.round(Math.sqrt(pixels)); return `${s} × ${s}`; };
  const words = {
    pointwise: () => `1 × 1, ${a} to ${b} channels, ${side(d)}`,
    grouped: () => `1 × 1 in ${c} groups, ${a * c} to ${b * c} channels, ${side(d)}`,
    depthwise: () => `depthwise ${c} × ${c}${d > 1 ? `, stride ${d}` : ""}, ${a} channels, ${side(b)}`,
    dense: () => `${d} × ${d}, ${a} to ${b} channels, ${side(c)}`,
    linear: () => `linear, ${a} to ${b}`,
  };
  return words[kind] ? words[kind]() : `${node.op.replaceAll("_", " ")}, ${a} channels, ${side(b)}`;
}
