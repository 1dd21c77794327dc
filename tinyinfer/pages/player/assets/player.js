// The state of the player: a setting, a chapter, a step, and what machine and cache hold after it.

class Player {
  constructor(data) {
    this.data = data;
    this.cacheLines = 16;
    this.watchers = [];
    this.choose({ layout: "NHWC", kernel: 3, stride: 1, groups: 1 }, "window", 0);
  }

  watch(draw) {
    this.watchers.push(draw);
  }

  /** Take a setting of the switches and a chapter, by name; where it has none of that name, its first. */
  choose(switches, chapter, step = 0) {
    this.switches = switches;
    const { layout, kernel, stride, groups } = switches;
    this.setting = this.data.convolutions[`${layout}-${kernel}-${stride}-${groups}`];
    this.arrays = arraysOf(this.setting);
    this.chapter = this.setting.chapters.find(({ name }) => name === chapter) ?? this.setting.chapters[0];
    this.steps = stepsOf(this.setting, this.chapter);
    this.restart();
    this.seek(step);
  }

  restart() {
    this.machine = new Machine(memoryOf(this.setting), this.data.matrices, this.data.additions);
    this.cache = new Cache(this.cacheLines);
    for (const step of this.steps.hidden) this.machine.step(step, () => {});
    this.machine.resetCounts();
    this.done = 0;
    this.last = { reads: [], writes: [], hits: 0, misses: 0, missed: new Set() };
  }

  /** Go to where `step` + 1 steps are done, from the beginning if that lies behind. */
  seek(step) {
    const wanted = Math.max(0, Math.min(step, this.steps.shown.length - 1)) + 1;
    if (wanted < this.done) this.restart();
    while (this.done < wanted) this.advance();
    for (const draw of this.watchers) draw();
  }

  advance() {
    const step = this.steps.shown[this.done];
    const before = this.steps.shown[this.done - 1];
    if (before && before.phase !== step.phase && this.phase(before).when === "once") this.countAnew();
    const last = { reads: [], writes: [], hits: 0, misses: 0, missed: new Set() };
    this.machine.step(step, (address, count, isStore) => {
      (isStore ? last.writes : last.reads).push([address, count]);
      this.touchLines(address, count, last);
    });
    this.last = last;
    this.done += 1;
  }

  touchLines(address, count, last) {
    const { line } = this.data.sizes;
    for (let n = Math.floor(address / line); n <= Math.floor((address + count - 1) / line); n += 1) {
      if (this.cache.touch(n)) last.hits += 1;
      else {
        last.misses += 1;
        last.missed.add(n);
      }
    }
  }

  /** What is done once, when a model is loaded, does not count, and its lines are long gone. */
  countAnew() {
    this.machine.resetCounts();
    this.cache.clear();
  }

  phase(step) {
    return this.chapter.phases[step.phase];
  }

  get step() {
    return this.steps.shown[this.done - 1];
  }

  resize(lines) {
    this.cacheLines = lines;
    const step = this.done - 1;
    this.restart();
    this.seek(step);
  }

  /** Counts of a whole chapter with a cache of this size. */
  totals(chapter) {
    const other = Object.create(Player.prototype);
    Object.assign(other, { data: this.data, setting: this.setting, chapter, cacheLines: this.cacheLines, watchers: [] });
    other.steps = stepsOf(this.setting, chapter);
    other.restart();
    other.seek(other.steps.shown.length - 1);
    return { ...other.machine.counts, hits: other.cache.hits, misses: other.cache.misses };
  }
}
