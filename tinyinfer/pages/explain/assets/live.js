"use strict";
// The network running in the page: on another picture, a drawing, what a camera sees, or with channels switched off.

const TOP = 5;

/** The tools of a live page; `changed()` hears that all maps are new. */
class LiveView {
  constructor(app, facts, answer, changed) {
    Object.assign(this, { app, facts, live: facts.live, answer, changed, off: new Map(), running: null });
    const { preprocess } = facts.live;
    this.size = app.nodes[0].shape;
    this.original = { image: app.photo.image, pixels: bytesOf(facts.live.pixels) };
    this.pixels = this.original.pixels; // of the network's size, red, green and blue in turn
    this.status = h("p", { class: "small quiet", role: "status" });
    this.switched = h("div", { class: "row switched" });
    this.pictures = pictureTools({
      size: this.size,
      preprocess,
      current: () => this.app.photo.image,
      use: (pixels) => this.look(pixels),
      reset: () => this.look(this.original.pixels),
      fail: (text) => {
        this.status.textContent = text;
        announce(text);
      },
    });
    this.element = h(
      "section",
      { class: "live panel noprint", "aria-label": "run the network" },
      h("h2", {}, "Run it here"),
      h(
        "p",
        { class: "small quiet" },
        "The network runs in this page, on your machine; no picture leaves it. Open one, drop one anywhere, draw, or " +
          "use the camera. Choose a layer below and switch its channels off to see what they are for.",
      ),
      this.pictures,
      this.switched,
      this.status,
    );
  }

  /** Another picture: RGB bytes of the network's size. */
  look(pixels) {
    Object.assign(this, { pixels, whole: null });
    return this.run();
  }

  /** Run on the picture with what is switched off; of what is asked for meanwhile only the last is run. */
  run() {
    this.stale = true;
    this.running ??= (async () => {
      try {
        while (this.stale) {
          this.stale = false;
          await this.runOnce();
        }
      } finally {
        this.running = null;
      }
    })();
    return this.running;
  }

  async runOnce() {
    const { app, live, pixels, original } = this;
    const off = [...this.off].map(([number, channels]) => [number, [...channels]]);
    const { output, milliseconds } = await app.source.run(inputOf(pixels, this.size, live.preprocess), off);
    app.photo.image = pixels === original.pixels ? original.image : canvasOf(rgbPicture(pixels, this.size));
    const chances = softmax(output);
    const order = [...chances.keys()].sort((a, b) => chances[b] - chances[a]).slice(0, TOP);
    const predictions = order.map((index) => ({ index, label: live.labels[index], probability: chances[index] }));
    this.answer.update(app.photo, predictions, await this.maps(order));
    if (!off.length) this.whole = chances; // what all channels together say
    this.say(predictions[0], milliseconds);
    await this.changed();
  }

  say({ index, label, probability }, milliseconds) {
    const percent = (share) => `${(100 * share).toFixed(1)} %`;
    const count = this.countOff(),
      channels = count === 1 ? "channel" : "channels";
    const before = this.whole ? `, ${percent(this.whole[index])} with all` : "";
    const without = count ? ` with ${count} ${channels} switched off${before}` : "";
    this.status.textContent = `${label}, ${percent(probability)}${without}; computed in ${milliseconds.toFixed(0)} ms.`;
  }

  countOff() {
    return [...this.off.values()].reduce((sum, channels) => sum + channels.size, 0);
  }

  /** Class activation maps of these classes, where the network's end allows them; of others what Python has made. */
  async maps(classes) {
    const { features, classifier } = this.live;
    if (!features) return this.pixels === this.original.pixels && !this.off.size ? this.facts.maps : null;
    const { source, nodes } = this.app;
    const card = source.program.steps.findIndex((step) => step.writes.includes(source.program.numbers[features])) + 1;
    const map = await source.maps(card),
      [channels, height, width] = map.shape;
    const kernels = classifier && (await source.kernels(nodes.findIndex((node) => node.name === classifier)));
    const of = {};
    for (const index of classes) {
      const plane = new Float64Array(height * width);
      for (let c = 0; c < channels; c++) {
        const weight = kernels ? kernels.rows[index * kernels.size + c] : Number(c === index);
        map.plane(c).forEach((value, i) => {
          plane[i] += weight * value;
        });
      }
      of[index] = Array.from({ length: height }, (_, y) => [...plane.subarray(y * width, (y + 1) * width)]);
    }
    return { kind: "activation", of };
  }

  /** The buttons below the maps of a node: its channel off or on. */
  switchFor(card, channel) {
    const [number, own] = this.valueOf(card, channel);
    if (number === this.app.source.program.output) return null;
    const isOff = this.off.get(number)?.has(own) ?? false;
    const button = h(
      "button",
      { type: "button", "aria-pressed": String(isOff), onclick: () => this.toggle(card, channel) },
      isOff ? `Switch channel ${channel} on again` : `Switch channel ${channel} off`,
    );
    return h(
      "div",
      { class: "row" },
      button,
      h("span", { class: "small quiet" }, "sets it to 0 and runs the network again"),
    );
  }

  /** The number of a card's value that holds a channel, and the channel's place in it. */
  valueOf(card, channel) {
    if (card === 0) return [0, channel];
    const step = this.app.source.program.steps[card - 1];
    let at = 0;
    while (channel >= step.shapes[at][0]) channel -= step.shapes[at++][0];
    return [step.writes[at], channel];
  }

  async toggle(card, channel) {
    const [number, own] = this.valueOf(card, channel);
    const channels = this.off.get(number) ?? new Set();
    if (!channels.delete(own)) channels.add(own);
    if (channels.size) this.off.set(number, channels);
    else this.off.delete(number);
    this.listSwitched();
    await this.run();
    document.querySelector(".more button")?.focus();
    announce(this.status.textContent);
  }

  listSwitched() {
    const count = this.countOff();
    this.switched.replaceChildren(
      ...(count
        ? [
            h("span", { class: "small" }, `${count} ${count === 1 ? "channel is" : "channels are"} off.`),
            h(
              "button",
              {
                type: "button",
                onclick: () => {
                  this.off.clear();
                  this.listSwitched();
                  this.run();
                },
              },
              "All on again",
            ),
          ]
        : []),
    );
  }
}

/** RGB bytes as the network's input: (level * scale - mean) / std, in float64 and rounded once, as Python does it. */
function inputOf(pixels, [channels, height, width], { scale, mean, std, channels: order }) {
  const area = height * width,
    input = new Float32Array(channels * area);
  for (let c = 0; c < channels; c++) {
    const from = order === "bgr" ? 2 - c : c;
    for (let i = 0; i < area; i++) input[c * area + i] = (pixels[3 * i + from] * scale - mean[c]) / std[c];
  }
  return input;
}

function rgbPicture(pixels, [, height, width]) {
  const picture = new ImageData(width, height);
  for (let i = 0; i < height * width; i++)
    picture.data.set([pixels[3 * i], pixels[3 * i + 1], pixels[3 * i + 2], 255], 4 * i);
  return picture;
}
