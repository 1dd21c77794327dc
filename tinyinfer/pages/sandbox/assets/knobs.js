// Sliders and buttons of the family's knobs.

const KNOB_WORDS = {
  width: ["Width", "× channels", "scales the channels of every layer"],
  depth: ["Depth", "× blocks", "scales the number of blocks in every stage"],
  resolution: ["Resolution", "pixels", "the side of the picture"],
  expansion: ["Expansion", "×", "how much wider a block is inside"],
  groups: ["Groups", "", "of the 1 × 1 layers"],
  attention: ["Squeeze and excitation", "", "gates on channels"],
};

const CHOICE_WORDS = { none: "nowhere", paper: "paper's", all: "everywhere" };

class Knobs {
  constructor(design, families, knobs, code) {
    Object.assign(this, { design, families, knobs, code });
    families.append(...design.families.map((family) => h("button", { type: "button", "data-family": family.name, onclick: () => design.choose(family.name) }, family.title)));
  }

  draw() {
    const { design } = this;
    for (const button of this.families.children) button.setAttribute("aria-pressed", String(button.dataset.family === design.family.name));
    if (this.family !== design.family) this.rebuild();
    for (const { knob, show } of this.shown) show(design.values[knob.name]);
    this.code.textContent = pythonOf(design);
  }

  rebuild() {
    this.family = this.design.family;
    this.shown = this.family.knobs.map((knob) => (knob.choices.length ? this.buttons(knob) : this.slider(knob)));
    const reset = h("button", { type: "button", onclick: () => this.design.choose(this.family.name, this.family.values) }, "As in the paper");
    const paper = h("p", { class: "small quiet" }, `${this.family.paper} (${this.family.year})`);
    this.knobs.replaceChildren(paper, ...this.shown.map(({ element }) => element), reset);
  }

  slider(knob) {
    const [title, unit, words] = KNOB_WORDS[knob.name];
    const input = h("input", { type: "range", id: `knob-${knob.name}`, min: knob.least, max: knob.most, step: knob.step, oninput: () => this.design.set(knob.name, allowed(knob, Number(input.value))) });
    const value = h("output", { for: input.id });
    const mark = h("i", { class: "mark", style: `left: calc(8px + (100% - 16px) * ${(knob.paper - knob.least) / (knob.most - knob.least)})`, "aria-hidden": "true" });
    const element = h("div", { class: "knob" }, h("label", { for: input.id }, title, " ", h("span", { class: "quiet small" }, words)), value, h("div", { class: "track" }, input, mark));
    return { knob, element, show: (now) => {
      input.value = String(now);
      value.textContent = knob.name === "resolution" ? `${now} × ${now}` : `${unit.startsWith("×") ? "× " : ""}${plainNumber(now)}`;
      input.setAttribute("aria-valuetext", `${plainNumber(now)} ${unit}`);
    } };
  }

  buttons(knob) {
    const [title, , words] = KNOB_WORDS[knob.name];
    const buttons = knob.choices.map((choice) => h("button", { type: "button", onclick: () => this.design.set(knob.name, choice) }, CHOICE_WORDS[choice] ?? String(choice)));
    const element = h("div", { class: "knob", role: "group", "aria-label": title }, h("span", {}, title, " ", h("span", { class: "quiet small" }, words)), h("div", { class: "options" }, buttons));
    return { knob, element, show: (now) => buttons.forEach((button, i) => button.setAttribute("aria-pressed", String(knob.choices[i] === now))) };
  }
}

/** The design in Python. */
function pythonOf({ family, values }) {
  const given = Object.entries(values).map(([name, value]) => `${name}=${typeof value === "string" ? `"${value}"` : value}`);
  return `from tinyinfer.pages.sandbox.designs.design import create\nmodel = create("${family.name}", ${given.join(", ")})`;
}
