// Time layer by layer, coloured by kind, and memory alive behind each node.

const GROUPS = {
  pointwise: { name: "1 × 1 layers", color: "--blue" },
  grouped: { name: "Grouped 1 × 1 layers", color: "--pink" },
  depthwise: { name: "Depthwise layers", color: "--orange" },
  dense: { name: "K × K layers", color: "--green" },
  linear: { name: "Linear layers", color: "--sky" },
  other: { name: "Pools, shuffles, gates, additions", color: "--grey" },
};

const groupOf = (kind) => (kind in GROUPS ? kind : "other");

class Bars {
  constructor(design, element, legend, readout) {
    Object.assign(this, { design, element, legend, readout });
    element.tabIndex = 0;
    element.setAttribute("role", "group");
    element.setAttribute("aria-label", "Layers: left and right arrow go from one to the next");
    element.addEventListener("keydown", (event) => this.key(event));
    element.addEventListener("pointerover", (event) => this.point(event.target.closest("rect[data-layer]")));
    element.addEventListener("pointerleave", () => design.select(null));
  }

  draw() {
    this.shown = this.design.layers.filter((layer) => layer.ms > 0);
    picture(this.element, 210, "Predicted milliseconds of each layer", (width) => this.bars(width));
    this.drawLegend();
    const layer = this.design.selected;
    this.readout.textContent = layer
      ? `${layer.block}: ${layerInWords(layer)}. ${plainNumber(layer.ms)} ms${layer.macs ? `, ${short(layer.macs)} mult-adds at ${plainNumber(layer.macs / layer.ms / 1e6)} G a second` : ""}.`
      : "Point at a layer, or go through them with the arrow keys.";
  }

  bars(width) {
    const [left, bottom] = [44, 168];
    const most = Math.max(...this.shown.map((layer) => layer.ms));
    const y = linearScale(0, most, bottom, 22);
    const step = (width - left) / this.shown.length;
    const gap = step > 5 ? 1 : 0;
    const bars = this.shown.map((layer, i) => svg("rect", {
      x: left + i * step, width: Math.max(1, step - gap), y: y(layer.ms), height: bottom - y(layer.ms), "data-layer": i,
      class: layer === this.design.selected ? "selected" : null, style: `fill: var(${GROUPS[groupOf(layer.kind)].color})`,
    }));
    return [...yAxis(y, linearTicks(0, most, 4), left, width, "ms"), ...bars, ...this.blocks(left, step, bottom)];
  }

  /** The stages under the bars. */
  blocks(left, step, bottom) {
    const marks = [];
    let start = 0;
    this.shown.forEach((layer, i) => {
      if (i + 1 < this.shown.length && this.shown[i + 1].block === layer.block) return;
      const [from, to] = [left + start * step, left + (i + 1) * step];
      marks.push(svg("line", { class: "stage", x1: from + 1, x2: to - 1, y1: bottom + 5, y2: bottom + 5 }));
      const text = layer.block.replace("stage ", "");
      if (to - from > 7 * text.length + 6) marks.push(svg("text", { class: "tick", x: (from + to) / 2, y: bottom + 20, "text-anchor": "middle" }, text));
      start = i + 1;
    });
    marks.push(svg("text", { class: "axis", x: left, y: bottom + 38 }, "stages, from the picture to the answer"));
    return marks;
  }

  drawLegend() {
    const { layers, ms } = this.design;
    const entries = Object.entries(GROUPS).map(([group, { name, color }]) => {
      const part = layers.filter((layer) => groupOf(layer.kind) === group).reduce((sum, layer) => sum + layer.ms, 0);
      return part > 0 ? h("span", {}, h("i", { style: `background: var(${color})` }), `${name} ${percent(part / ms)}`) : null;
    });
    this.legend.replaceChildren(...entries.filter(Boolean));
  }

  point(bar) {
    if (bar) this.design.select(this.shown[Number(bar.dataset.layer)]);
  }

  key(event) {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!by) return;
    event.preventDefault();
    const at = this.shown.indexOf(this.design.selected);
    this.design.select(this.shown[(at + by + this.shown.length) % this.shown.length]);
    announce(this.readout.textContent);
  }
}

class MemoryBars {
  constructor(design, element, words) {
    Object.assign(this, { design, element, words });
  }

  draw() {
    const counts = alive(this.design.network);
    const peak = Math.max(...counts);
    const at = counts.indexOf(peak);
    const { op, block } = this.design.network.nodes[at];
    this.words.textContent = `The peak is in ${block}, in a node of ${op.replaceAll("_", " ")}: ${(peak * 4 / 1e6).toFixed(2)} MB are alive at once, as norms, activations and additions write over their input.`;
    picture(this.element, 150, "Megabytes alive in each node", (width) => {
      const [left, bottom] = [44, 132];
      const y = linearScale(0, peak * 4 / 1e6, bottom, 22);
      const step = (width - left) / counts.length;
      return [
        ...yAxis(y, linearTicks(0, peak * 4 / 1e6, 3), left, width, "MB"),
        ...counts.map((count, i) => svg("rect", {
          x: left + i * step, width: Math.max(1, step), y: y(count * 4 / 1e6), height: bottom - y(count * 4 / 1e6),
          class: i === at ? "peak" : "alive",
        })),
      ];
    });
  }
}
