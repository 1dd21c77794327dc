// The figures on top: what the design costs, and how that compares with the paper's own network.

class Headline {
  constructor(design, element, sentence) {
    Object.assign(this, { design, element, sentence });
  }

  draw() {
    const { totals, ms, paper } = this.design;
    this.element.replaceChildren(
      card("Parameters", short(totals.params), `${(totals.params * 4 / 1e6).toFixed(1)} MB as float32`, totals.params / paper.totals.params),
      card("Mult-adds", short(totals.macs), `${plainNumber(totals.macs / ms / 1e6)} G a second`, totals.macs / paper.totals.macs),
      card("Peak memory", `${(totals.peak * 4 / 1e6).toFixed(2)} MB`, "activations, beside the weights", totals.peak / paper.totals.peak),
      card("Predicted time", `${ms.toPrecision(3)} ms`, "one image, one thread", ms / paper.ms),
    );
    this.sentence.textContent = sentenceOn(this.design);
  }
}

function card(name, value, detail, factor) {
  const width = Math.min(100, 50 * factor);
  return h("div", { class: "card" },
    h("div", { class: "quiet small" }, name), h("div", { class: "value" }, value), h("div", { class: "quiet small detail" }, detail),
    h("div", { class: "gauge", "aria-hidden": "true" }, h("i", { style: `width: ${width}%` })),
    h("div", { class: "small" }, factor === 1 ? "as in the paper" : `${factor.toFixed(2)} × the paper's`));
}

/** The design in a sentence: where its time goes. */
function sentenceOn({ layers, ms, totals, paper }) {
  const byKind = new Map();
  for (const layer of layers) byKind.set(groupOf(layer.kind), (byKind.get(groupOf(layer.kind)) ?? 0) + layer.ms);
  const [[kind, most]] = [...byKind].sort(([, a], [, b]) => b - a);
  const macs = layers.filter((layer) => groupOf(layer.kind) === kind).reduce((sum, layer) => sum + layer.macs, 0) / totals.macs;
  const change = totals.macs === paper.totals.macs ? "" : ` It has ${(totals.macs / paper.totals.macs).toFixed(2)} times the mult-adds of the paper's network, and takes ${(ms / paper.ms).toFixed(2)} times as long.`;
  return `${GROUPS[kind].name} take ${percent(most / ms)} of the time for ${percent(macs)} of the mult-adds.${change}`;
}
