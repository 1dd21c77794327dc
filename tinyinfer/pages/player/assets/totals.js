// All chapters side by side, each run to its end with the same cache; counts with their formulas.

const COLUMNS = [
  ["loads", "loads", (t) => t.loads],
  ["stores", "stores", (t) => t.stores],
  ["mult-adds", "macs", (t) => t.macs],
  ["loads per mult-add", null, (t) => t.loads / t.macs],
  ["cache misses", null, (t) => t.misses],
  ["scratch", null, (t) => t.scratch],
];

class Totals {
  constructor(player, element, formulas, verdict) {
    Object.assign(this, { player, element, formulas, verdict });
  }

  draw() {
    const { player } = this;
    const key = `${JSON.stringify(player.switches)} ${player.cacheLines}`;
    if (key !== this.key) {
      this.key = key;
      this.rows = player.setting.chapters.map((chapter) => ({ chapter, ...player.totals(chapter), scratch: scratchOf(player, chapter) }));
    }
    const most = COLUMNS.map(([, , of]) => Math.max(...this.rows.map(of)));
    const head = h("tr", {}, h("th", {}, "way"), COLUMNS.map(([name]) => h("th", { class: "n" }, name)));
    this.element.replaceChildren(h("thead", {}, head), h("tbody", {}, this.rows.map((row) => this.row(row, most))));
    this.drawFormulas();
    this.verdict.textContent = verdictOf(this.rows);
  }

  row(totals, most) {
    const { chapter } = totals;
    const cells = COLUMNS.map(([name, , of], i) => {
      const value = of(totals);
      const text = name === "loads per mult-add" ? value.toFixed(2) : value.toLocaleString("en");
      const bar = h("span", { class: "bar", style: `width: ${most[i] ? (100 * value) / most[i] : 0}%` });
      return h("td", { class: "n", "data-label": name }, h("span", { class: "value" }, text), bar);
    });
    const now = chapter === this.player.chapter;
    return h("tr", { class: now ? "now" : null }, h("th", { scope: "row" }, chapterName(chapter.name)), cells);
  }

  drawFormulas() {
    const { chapter } = this.player;
    const { out, depth, lanes } = this.player.setting;
    const letters = `P = ${out ** 2} windows, M = 8 kernels, D = ${depth} taps, ${plural(lanes, "lane")}`;
    const lines = COLUMNS.filter(([, formula]) => formula).map(([name, formula]) => {
      const [text, value] = chapter.formulas[formula];
      return h("li", {}, `${name}: ${text} = ${value.toLocaleString("en")}`);
    });
    this.formulas.replaceChildren(h("p", {}, `${chapterName(chapter.name)}, with ${letters}:`), h("ul", {}, lines));
  }
}

/** What the table shows, in two sentences. */
function verdictOf(rows) {
  const [first, matrix, , , lean] = rows;
  const text = (count) => count.toLocaleString("en");
  return `With the same ${text(first.macs)} mult-adds, the rolling line buffer needs ${text(lean.loads)} loads where the sliding window needs ${text(first.loads)}, and misses the cache ${text(lean.misses)} times, the sliding window ${text(first.misses)}. It keeps ${plural(lean.scratch, "number")} of scratch; the matrix of im2col takes ${text(matrix.scratch)}.`;
}

/** Numbers of memory that a chapter needs beside image, weights and result. */
function scratchOf(player, chapter) {
  return chapter.scratch.reduce((sum, name) => sum + player.arrays.get(name).size, 0);
}
