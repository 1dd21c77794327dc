// Slider, play and step, by pointer and by key.

const SPEEDS = [["slow", 900], ["steady", 300], ["fast", 60]]; // milliseconds a step

class Transport {
  constructor(player, element) {
    this.player = player;
    this.timer = null;
    this.slider = h("input", { type: "range", min: 0, step: 1, id: "slider", "aria-label": "Step", oninput: () => this.go(Number(this.slider.value)) });
    this.play = this.button("▶ Play", "Space", () => this.toggle());
    this.speed = h("select", { "aria-label": "Speed", onchange: () => this.restartTimer() }, SPEEDS.map(([name, pause]) => h("option", { value: pause }, name)));
    this.speed.value = "300";
    this.where = h("output", { class: "quiet small", for: "slider" });
    this.marks = h("div", { class: "marks", "aria-hidden": "true" });
    element.append(
      h("div", { class: "row" },
        this.button("First", "Home: the first step", () => this.go(0)), this.button("◀ Step", "Left arrow", () => this.move(-1)),
        this.play, this.button("Step ▶", "Right arrow", () => this.move(1)), this.button("Next part", "N: the next phase", () => this.nextPhase()),
        this.speed, this.where),
      this.slider, this.marks);
    document.addEventListener("keydown", (event) => this.key(event));
  }

  button(text, title, act) {
    return h("button", { type: "button", title, onclick: act }, text);
  }

  get at() {
    return this.player.done - 1;
  }

  get last() {
    return this.player.steps.shown.length - 1;
  }

  go(step) {
    this.player.seek(step);
  }

  move(by) {
    this.stop();
    this.go(this.at + by);
  }

  nextPhase() {
    const { shown } = this.player.steps;
    const next = shown.findIndex((step, i) => i > this.at && step.phase !== shown[this.at].phase);
    this.go(next < 0 ? this.last : next);
  }

  toggle() {
    if (this.timer) return this.stop();
    if (this.at === this.last) this.go(0);
    this.restartTimer(true);
  }

  restartTimer(start = this.timer !== null) {
    this.stop();
    if (!start) return;
    this.timer = setInterval(() => (this.at < this.last ? this.go(this.at + 1) : this.stop()), Number(this.speed.value));
    this.draw();
  }

  stop() {
    clearInterval(this.timer);
    this.timer = null;
    this.draw();
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const field = event.target.closest("select, input, a, summary");
    const keys = { ArrowRight: () => this.move(1), ArrowLeft: () => this.move(-1), Home: () => this.go(0), End: () => this.go(this.last), n: () => this.nextPhase() };
    if (event.key === " " && !event.target.closest("button, select, summary")) keys[" "] = () => this.toggle();
    const chapter = CHAPTERS[Number(event.key) - 1];
    if (chapter) keys[event.key] = () => this.player.choose(this.player.switches, chapter[0]);
    const act = keys[event.key];
    if (!act || (field && event.key !== " " && field !== this.slider)) return;
    event.preventDefault();
    act();
  }

  draw() {
    const { player } = this;
    this.slider.max = String(this.last);
    this.slider.value = String(this.at);
    const phase = player.phase(player.step);
    this.slider.setAttribute("aria-valuetext", `step ${this.at + 1} of ${this.last + 1}, ${PHASES[phase.name]}`);
    this.where.textContent = `step ${this.at + 1} of ${this.last + 1}`;
    this.play.textContent = this.timer ? "⏸ Pause" : "▶ Play";
    this.drawMarks();
  }

  /** The phases under the slider, as wide as they are long. */
  drawMarks() {
    const { chapter, steps, step } = this.player;
    const spans = chapter.phases.map((phase, number) => [phase, number, steps.shown.filter((s) => s.phase === number).length]);
    this.marks.replaceChildren(...spans.filter(([, , count]) => count).map(([phase, number, count]) => h("span",
      { style: `flex-grow: ${count}`, class: number === step.phase ? "now" : null, title: PHASES[phase.name] }, PHASES[phase.name])));
  }
}
