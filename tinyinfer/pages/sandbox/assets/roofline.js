// The roofline: how many mult-adds a second each layer is predicted to reach, under what the machine can do.

const [LEAST, MOST] = [0.1, 200]; // mult-adds for each byte

class Roofline {
  constructor(design, element, words) {
    Object.assign(this, { design, element, words });
  }

  draw() {
    picture(this.element, 330, "Mult-adds a second of each layer over mult-adds for each byte, under the machine's roofs", (width) => this.chart(width));
  }

  chart(width) {
    const { roofs } = this.design.measured;
    const layers = this.design.layers.filter((layer) => layer.macs > 0 && layer.ms > 0);
    const [left, right, top, bottom] = [44, width - 8, 24, 285];
    const [lowest, highest] = [roofs.gmacs_per_s / 100, roofs.gmacs_per_s * 1.6];
    const x = logScale(LEAST, MOST, left, right);
    const y = logScale(lowest, highest, bottom, top);
    const area = Math.max(...layers.map((layer) => layer.ms));
    const dots = layers.map((layer) => svg("circle", {
      cx: x(layer.macs / layer.bytes), cy: y(layer.macs / layer.ms / 1e6), r: 2.5 + 9 * Math.sqrt(layer.ms / area),
      class: layer === this.design.selected ? "dot selected" : "dot", style: `fill: var(${GROUPS[groupOf(layer.kind)].color})`,
    }, svg("title", {}, layerInWords(layer))));
    return [
      ...yAxis(y, logTicks(lowest, highest), left, right, "10⁹ mult-adds a second"),
      ...xAxis(x, [0.1, 1, 10, 100], bottom, "mult-adds for each byte moved", (left + right) / 2),
      ...this.roofs(x, y, lowest), ...dots, ...this.whole(x, y),
    ];
  }

  /** A slope for memory and for each cache, the flat roof, and their rates in words. */
  roofs(x, y, lowest) {
    const { gmacs_per_s: peak, gbytes_per_s: memory, caches = [] } = this.design.measured.roofs;
    const slopes = [["memory", memory], ...caches.map(({ name, gbytes_per_s: rate }) => [name, rate])];
    const fastest = Math.max(...slopes.map(([, rate]) => rate));
    const lines = slopes.map(([name, rate]) => {
      const start = Math.max(LEAST, lowest / rate);
      return svg("line", { class: name === "memory" ? "roof" : "roof cache", x1: x(start), y1: y(start * rate), x2: x(peak / rate), y2: y(peak) });
    });
    this.words.textContent = `Slopes: memory ${plainNumber(memory)} GB/s${caches.map(({ name, gbytes_per_s: rate }) => `, ${name} ${Math.round(rate)}`).join("")} (dashed).`;
    return [
      ...lines,
      svg("line", { class: "roof", x1: x(peak / fastest), y1: y(peak), x2: x(MOST), y2: y(peak) }),
      svg("text", { class: "tick", x: x(MOST), y: y(peak) - 6, "text-anchor": "end" }, `arithmetic, ${Math.round(peak)} G a second`),
    ];
  }

  /** The network as one dot. */
  whole(x, y) {
    const { layers, totals, ms } = this.design;
    const bytes = layers.reduce((sum, layer) => sum + layer.bytes, 0);
    const [cx, cy] = [x(totals.macs / bytes), y(totals.macs / ms / 1e6)];
    return [
      svg("path", { class: "whole", d: `M${cx} ${cy - 10}L${cx + 10} ${cy}L${cx} ${cy + 10}L${cx - 10} ${cy}Z` }),
      svg("text", { class: "label", x: cx, y: cy + 26, "text-anchor": "middle" }, "your network"),
    ];
  }
}
