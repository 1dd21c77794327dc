"use strict";
// A pad to draw on, over the photo or on white; by pointer, or with arrow keys and the space bar.

const PAD = { side: 280, step: 6 };

class DrawingPad {
  constructor(on) {
    Object.assign(this, { on, at: [PAD.side / 2, PAD.side / 2], down: false });
    this.canvas = h("canvas", {
      width: PAD.side,
      height: PAD.side,
      class: "pad",
      tabindex: 0,
      role: "application",
      "aria-label": "drawing pad: arrow keys move the pen, the space bar lowers and lifts it",
      onpointerdown: (event) => {
        this.canvas.setPointerCapture(event.pointerId);
        this.at = this.place(event);
        this.down = true;
        this.line(this.at);
      },
      onpointermove: (event) => {
        if (this.down && event.buttons) this.line(this.place(event));
      },
      onpointerup: () => {
        this.down = false;
        this.send();
      },
      onkeydown: (event) => this.key(event),
    });
    this.colour = h("input", { type: "color", value: "#1f2933", "aria-label": "colour of the pen" });
    this.width = h("input", { type: "range", min: 4, max: 60, value: 22, "aria-label": "width of the pen" });
    const button = (label, act) => h("button", { type: "button", onclick: act }, label);
    this.element = h(
      "div",
      { class: "row drawing" },
      this.canvas,
      h(
        "div",
        { class: "column" },
        h("label", { class: "small" }, "Pen ", this.colour),
        h("label", { class: "small" }, "Width ", this.width),
        button("White ground", () => {
          this.clear();
          this.send();
        }),
        button("Photo as ground", () => {
          this.begin();
          this.send();
        }),
      ),
    );
  }

  get context() {
    return this.canvas.getContext("2d");
  }

  begin() {
    this.clear();
    this.context.imageSmoothingEnabled = false;
    this.context.drawImage(this.on.current(), 0, 0, PAD.side, PAD.side);
  }

  clear() {
    this.context.fillStyle = "#ffffff";
    this.context.fillRect(0, 0, PAD.side, PAD.side);
  }

  place(event) {
    const edge = this.canvas.getBoundingClientRect();
    return [
      ((event.clientX - edge.left) / edge.width) * PAD.side,
      ((event.clientY - edge.top) / edge.height) * PAD.side,
    ];
  }

  line(to) {
    const { context } = this;
    Object.assign(context, { strokeStyle: this.colour.value, lineWidth: Number(this.width.value), lineCap: "round" });
    context.beginPath();
    context.moveTo(...this.at);
    context.lineTo(to[0] + 0.01, to[1]);
    context.stroke();
    this.at = to;
  }

  key(event) {
    const step = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] }[event.key];
    if (event.key === " ") {
      this.down = !this.down;
      announce(this.down ? "pen down" : "pen up");
      if (this.down) this.line(this.at);
      else this.send();
    } else if (step) {
      const to = this.at.map((place, i) => Math.min(Math.max(place + PAD.step * step[i], 0), PAD.side));
      if (this.down) this.line(to);
      else this.at = to;
    } else {
      return;
    }
    event.preventDefault();
  }

  send() {
    this.on.use(pixelsFor(this.canvas, PAD.side, PAD.side, this.on));
  }
}
