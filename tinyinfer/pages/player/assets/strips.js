// Memory as it lies, a box for a line of numbers, and the cache: the lines that it holds, the newest first.

class Strips {
  constructor(player, memory, cache, words) {
    Object.assign(this, { player, memory, cache, words });
  }

  draw() {
    if (this.setting !== this.player.setting || this.chapter !== this.player.chapter) this.rebuild();
    const { cache, last } = this.player;
    for (const [line, box] of this.boxes) {
      box.classList.toggle("kept", cache.has(line));
      box.classList.toggle("missed", last.missed.has(line));
    }
    this.drawCache();
  }

  rebuild() {
    const { player } = this;
    Object.assign(this, { setting: player.setting, chapter: player.chapter, boxes: new Map() });
    const { line } = player.data.sizes;
    this.memory.replaceChildren(...player.chapter.shown.map((name) => {
      const array = player.arrays.get(name);
      const lines = Array.from({ length: Math.ceil(array.size / line) }, (_, i) => array.start / line + i);
      const boxes = lines.map((n) => {
        const box = h("i", {});
        this.boxes.set(n, box);
        return box;
      });
      return h("div", { class: `stretch ${classOf(name)}` }, h("span", { class: "small" }, `${name}, ${plural(lines.length, "line")}`), h("div", { class: "lines" }, boxes));
    }));
  }

  drawCache() {
    const { player } = this;
    const { line } = player.data.sizes;
    const kept = player.cache.newestFirst();
    const slots = Array.from({ length: player.cacheLines }, (_, i) => {
      if (i >= kept.length) return h("li", { class: "slot" });
      const array = arrayAt(player.arrays, kept[i] * line);
      const missed = player.last.missed.has(kept[i]);
      const number = kept[i] - array.start / line;
      return h("li", { class: `slot ${classOf(array.name)}${missed ? " missed" : ""}`, title: `${array.name}, line ${number}` }, `${array.name[0]}${number}`);
    });
    this.cache.replaceChildren(...slots);
    const { hits, misses } = player.last;
    this.words.textContent = `This step touched ${plural(hits + misses, "line")}: ${plural(hits, "hit")}, ${misses} ${misses === 1 ? "miss" : "misses"}.`;
  }
}
