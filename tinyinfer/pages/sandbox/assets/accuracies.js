// Published accuracies beside the design: what networks of such a cost have reached.

const NEAREST = 8;

class Accuracies {
  constructor(design, element, table, words) {
    Object.assign(this, { design, element, table, words });
  }

  draw() {
    picture(this.element, 330, "Top-1 accuracy of published networks over mult-adds", (width) => this.chart(width));
    this.drawNearest();
  }

  chart(width) {
    const { published, family, totals } = this.design;
    const [left, right, top, bottom] = [44, width - 8, 24, 285];
    const x = logScale(1e7, 1.5e9, left, right);
    const y = linearScale(44, 84, bottom, top);
    const own = published.filter((row) => row.family === family.family);
    const dot = (row, mine) => svg("circle", { cx: x(row.macs), cy: y(row.top1), r: mine ? 6 : 4, class: mine ? "own" : "published" },
      svg("title", {}, `${row.name}: ${row.top1} %, ${short(row.macs)} mult-adds`));
    const at = Math.min(Math.max(totals.macs, 1e7), 1.5e9);
    const isLeft = x(at) > (left + right) / 2;
    return [
      ...yAxis(y, [50, 60, 70, 80], left, right, "top-1 on ImageNet, %"),
      ...xAxis(x, [1e7, 3e7, 1e8, 3e8, 1e9], bottom, "mult-adds", (left + right) / 2, (value) => `${plainNumber(value / 1e6)} M`),
      ...published.filter((row) => row.family !== family.family).map((row) => dot(row, false)),
      svg("line", { class: "yours", x1: x(at), x2: x(at), y1: top, y2: bottom }),
      svg("text", { class: "label", x: x(at) + (isLeft ? -7 : 7), y: top + 10, "text-anchor": isLeft ? "end" : "start" }, `your design: ${short(totals.macs)}`),
      ...own.map((row) => dot(row, true)),
    ];
  }

  drawNearest() {
    const { published, totals, family } = this.design;
    const far = (row) => Math.abs(Math.log(row.macs / totals.macs));
    const rows = [...published].sort((a, b) => far(a) - far(b)).slice(0, NEAREST).sort((a, b) => b.top1 - a.top1);
    const head = h("tr", {}, ["published", "top-1", "mult-adds", "parameters"].map((name, i) => h("th", { class: i ? "n" : null }, name)));
    const body = rows.map((row) => h("tr", { class: row.family === family.family ? "mine" : null },
      h("td", {}, row.name.replace(/^(.{28}).+$/, "$1…")), h("td", { class: "n" }, `${row.top1.toFixed(1)} %`), h("td", { class: "n" }, short(row.macs)), h("td", { class: "n" }, short(row.params))));
    this.table.replaceChildren(h("thead", {}, head), h("tbody", {}, body));
    const [kin] = published.filter((row) => row.family === family.family).sort((a, b) => far(a) - far(b));
    this.words.textContent = `Nobody has trained your design. Of ${family.title} (dots in colour), ${kin.name} is nearest to its cost: ${kin.top1.toFixed(1)} % with ${short(kin.macs)} mult-adds. The nearest of all:`;
  }
}
