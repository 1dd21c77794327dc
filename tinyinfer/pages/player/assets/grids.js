// The arrays as grids of cells, one figure each; a step marks what it read and wrote.

const MOST_DIGITS = 4; // that a cell has room for

class Grids {
  constructor(player, element, readout) {
    Object.assign(this, { player, element, readout });
    element.addEventListener("pointerover", (event) => this.tell(event.target.closest(".cell")));
    this.sizes = new ResizeObserver((entries) => entries.forEach(({ target }) => hideSmallDigits(target)));
    matchMedia("(max-width: 600px)").addEventListener("change", () => this.rebuild());
  }

  draw() {
    const { setting, chapter } = this.player;
    if (this.setting !== setting || this.chapter !== chapter) this.rebuild();
    this.update();
  }

  rebuild() {
    const { player } = this;
    Object.assign(this, { setting: player.setting, chapter: player.chapter, cells: new Map(), marked: [], shown: new Map() });
    this.sizes.disconnect();
    this.narrow = matchMedia("(max-width: 600px)").matches;
    const ends = ["image", "result"];
    const figures = (names) => names.map((name) => this.figure(player.arrays.get(name)));
    this.element.replaceChildren(
      h("div", { class: "ends" }, figures(ends)),
      h("div", { class: "between" }, figures(player.chapter.shown.filter((name) => !ends.includes(name)))));
    for (const picture of this.element.querySelectorAll("svg")) this.sizes.observe(picture);
    this.update();
  }

  figure(array) {
    const { setting } = this.player;
    let width = 0;
    let height = 0;
    const cells = Array.from({ length: array.size }, (_, i) => {
      const address = array.start + i;
      const [x, y] = PLACES[array.name](indexOf(array, address), setting, this.narrow);
      width = Math.max(width, x + 1);
      height = Math.max(height, y + 1);
      const text = svg("text", { x: x + 0.5, y: y + 0.5 });
      const cell = svg("g", { class: "cell", "data-address": address },
        svg("rect", { x: x + 0.03, y: y + 0.03, width: 0.94, height: 0.94, rx: 0.12 }), text);
      this.cells.set(address, { cell, text, name: array.name, x, y });
      return cell;
    });
    const picture = svg("svg", {
      viewBox: `-0.1 -0.1 ${width + 0.2} ${height + 0.2}`,
      role: "img", tabindex: 0, "data-array": array.name, "aria-label": `${array.name}: ${captionOf(array.name, setting)}`,
    }, cells);
    const pixels = Math.max(Math.round(width * (this.narrow ? 24 : 17)), 210);
    return h("figure", { class: `array ${classOf(array.name)}`, style: `width: ${pixels}px` },
      h("figcaption", {}, h("strong", {}, array.name), " ", h("span", { class: "quiet small" }, captionOf(array.name, setting))),
      picture);
  }

  /** Show the numbers that changed, and mark what the last step touched. */
  update() {
    const { memory } = this.player.machine;
    for (const [address, { cell, text }] of this.cells) {
      const value = memory[address];
      if (Object.is(this.shown.get(address), value)) continue;
      this.shown.set(address, value);
      const digits = numberText(value);
      text.textContent = digits.length > MOST_DIGITS ? "…" : digits;
      text.setAttribute("class", digits.length > 2 ? "long" : digits.length > 1 ? "two" : "");
      cell.classList.toggle("empty", Number.isNaN(value));
    }
    this.markKept();
    for (const cell of this.marked) cell.classList.remove("read", "written");
    this.marked = [];
    this.mark("reads", "read");
    this.mark("writes", "written");
  }

  /** Tint what lies in the cache. */
  markKept() {
    const { cache, data } = this.player;
    for (const [address, { cell }] of this.cells) cell.classList.toggle("kept", cache.has(Math.floor(address / data.sizes.line)));
  }

  /** Say what a cell holds. */
  tell(cell) {
    if (!cell) return;
    const { arrays, machine, cache, data } = this.player;
    const address = Number(cell.dataset.address);
    const array = arrayAt(arrays, address);
    const line = Math.floor(address / data.sizes.line);
    const value = Number.isNaN(machine.memory[address]) ? "nothing yet" : numberText(machine.memory[address]);
    const where = `line ${line - array.start / data.sizes.line}, ${cache.has(line) ? "in the cache" : "only in memory"}`;
    this.readout.textContent = `${array.name}, ${placeInWords(array, address)}: ${value} (${where})`;
  }

  mark(which, name) {
    for (const [address, count] of this.player.last[which]) {
      for (let i = 0; i < count; i += 1) {
        const found = this.cells.get(address + i);
        if (!found) continue;
        found.cell.classList.add(name);
        this.marked.push(found.cell);
      }
    }
  }
}

/** Digits that would be too small to read are left out; the numbers of the step stand beside. */
function hideSmallDigits(picture) {
  const cell = picture.getBoundingClientRect().width / picture.viewBox.baseVal.width;
  picture.classList.toggle("tiny", cell < 14);
}

function classOf(name) {
  return `of-${name.split(" ")[0]}`;
}
