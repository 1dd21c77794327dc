// The numbers of the step that was done last: what was multiplied with what, and what the registers hold.

const SHOWN_PRODUCTS = 12;
const SHOWN_VECTORS = 5;

/** A view of the arithmetic of the last step. */
function arithmeticOf(player) {
  const { instructions, bases, kind } = player.step;
  const { memory } = player.machine;
  if (kind === "dot") return dotText(instructions, bases, memory);
  if (kind === "row") return rowText(player);
  if (kind === "tap") return tapTable(player);
  if (["kernel", "input", "output"].includes(kind)) return transformText(player);
  return movedText(player);
}

function dotText(instructions, bases, memory) {
  const products = [];
  for (let i = 0; i + 1 < instructions.length; i += 2) {
    const [, weightBase, weightOffset] = instructions[i];
    const [, , base, offset] = instructions[i + 1];
    products.push(`${numberText(memory[bases[base] + offset])} · ${signed(memory[bases[weightBase] + weightOffset])}`);
  }
  const more = products.length - SHOWN_PRODUCTS;
  const text = products.slice(0, SHOWN_PRODUCTS).join(" + ") + (more > 0 ? ` + … ${more} more` : "");
  return [h("p", { class: "sum" }, `${text} = `, h("strong", {}, numberText(memory[bases[2]])))];
}

function rowText(player) {
  const { machine, last, setting, step } = player;
  const vector = (address) => `(${Array.from({ length: setting.lanes }, (_, i) => numberText(machine.memory[address + i])).join(", ")})`;
  const [row, panel] = step.bases;
  const shown = Math.min(setting.depth, SHOWN_VECTORS);
  const products = Array.from({ length: shown }, (_, t) => `${numberText(machine.memory[row + t])} · ${vector(panel + t * setting.lanes)}`);
  const more = setting.depth - shown;
  const results = last.writes.flatMap(([address, count]) => Array.from({ length: count }, (_, i) => numberText(machine.memory[address + i])));
  return [h("p", { class: "sum" }, products.join(" + "), more > 0 ? ` + … ${more} more` : "", " = ", h("strong", {}, `(${results.join(", ")})`))];
}

function tapTable(player) {
  const { machine, last } = player;
  const pixels = last.reads.slice(1).map(([address]) => machine.memory[address]);
  const head = h("tr", {}, h("th", {}, `${rowName(player)} × weights`), machine.vector.map((weight) => h("th", { class: "n" }, numberText(weight))));
  const rows = pixels.map((pixel, i) => h("tr", {}, h("th", {}, numberText(pixel)),
    machine.vector.map((_, lane) => h("td", { class: "n" }, numberText(machine.sums[i][lane])))));
  return [h("table", { class: "registers" }, h("caption", {}, "Sums in registers after this step"), h("tbody", {}, head, rows))];
}

function transformText(player) {
  const { last, machine } = player;
  const block = (accesses) => {
    const side = Math.sqrt(accesses.length);
    const numbers = accesses.map(([address]) => numberText(machine.memory[address]));
    const rows = Array.from({ length: side }, (_, y) => h("tr", {}, numbers.slice(y * side, (y + 1) * side).map((n) => h("td", { class: "n" }, n))));
    return h("table", { class: "block" }, h("tbody", {}, rows));
  };
  return [h("div", { class: "row" }, block(last.reads), h("span", { "aria-label": "becomes" }, "→"), block(last.writes))];
}

function movedText(player) {
  const { reads, writes } = player.last;
  const { memory } = player.machine;
  const values = writes.flatMap(([address, count]) => Array.from({ length: count }, (_, i) => numberText(memory[address + i])));
  const shown = values.slice(0, 24).join(" ") + (values.length > 24 ? " …" : "");
  const loads = reads.length ? `${plural(reads.length, "load")}, ` : "";
  return [h("p", { class: "sum" }, `${loads}${plural(writes.length, "store")}: ${shown}`)];
}

function signed(value) {
  return value < 0 ? `(${numberText(value)})` : numberText(value);
}
