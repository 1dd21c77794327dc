"use strict";
// The photo, what the network says of it, and the map of the class that is looked at.

const MAPS = {
  activation: (label, place) =>
    `Class activation map of “${label}”: the mean of what is drawn is the class's logit without its bias. ` +
    `Orange speaks for the class, blue against it; strongest ${place}.`,
  occlusion: (label, place) =>
    `Occlusion map of “${label}”: orange where the probability falls when a grey square covers the place, ` +
    `blue where it rises; strongest ${place}.`,
};

/** The upper part of the page; facts is what answer.py says. */
class AnswerView {
  constructor(facts, photo) {
    Object.assign(this, { facts, photo, shown: null, predictions: facts.predictions ?? [], maps: facts.maps ?? null });
    this.picture = new MarkedPicture({ side: 320, label: "the photo as the network gets it" });
    this.bars = h("ol", { class: "bars" });
    this.note = h("p", { class: "small quiet", role: "status" });
    const heading = {
      classify: "What it says",
      segment: "What it sees, by share of the pixels",
      detect: "What it finds",
    }[facts.task];
    this.words = h(
      "div",
      {},
      heading && h("h2", {}, heading),
      this.bars,
      this.note,
      facts.picture && h("img", { class: "drawn", src: facts.picture, alt: "the photo with the answer drawn on it" }),
    );
    this.element = h("section", { class: "answer" }, this.picture.element, this.words);
    this.render();
  }

  /** Another photo, other classes, other maps: what a run in the page gives. */
  update(photo, predictions, maps) {
    Object.assign(this, { photo, predictions, maps });
    if (!maps?.of[this.shown]) this.shown = null;
    this.render();
  }

  render() {
    const { photo, maps } = this;
    const rows = this.shown === null ? null : maps.of[this.shown];
    const [, height, width] = photo.shape;
    this.picture.show({
      picture: photo.image,
      height,
      width,
      smooth: false,
      over: rows && ((context, edge) => drawHeat(context, edge, rows)),
      caption: `What the network gets: ${width} x ${height} pixels.`,
    });
    const lines = this.facts.lines ?? this.predictions;
    this.bars.replaceChildren(...lines.map((line) => h("li", {}, this.bar(line))));
    const label = this.predictions.find(({ index }) => index === this.shown)?.label;
    this.note.textContent = rows
      ? MAPS[maps.kind](label, placeOf(rows))
      : maps
        ? "Press a class to see where in the photo it is seen."
        : "";
  }

  bar({ index, label, probability }) {
    const percent = `${(100 * probability).toFixed(1)} %`;
    const inside = [
      h("span", { class: "bar-label", title: label }, label),
      h(
        "span",
        { class: "bar-track" },
        h("span", { class: "bar-fill", style: `width: ${Math.max(100 * probability, 0.5)}%` }),
      ),
      h("span", { class: "bar-number" }, percent),
    ];
    if (!this.maps?.of[index]) return h("div", { class: "bar" }, inside);
    const pressed = this.shown === index;
    return h(
      "button",
      {
        class: "bar",
        type: "button",
        "aria-pressed": String(pressed),
        "aria-label": `${label}, ${percent}, show where`,
        onclick: () => {
          this.shown = pressed ? null : index;
          this.render();
          this.bars.querySelectorAll("button")[this.predictions.findIndex((line) => line.index === index)].focus();
        },
      },
      inside,
    );
  }
}
