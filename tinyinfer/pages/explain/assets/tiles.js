"use strict";
// Many small pictures on one canvas, of which one is chosen by a click or by arrow keys.

const TILE_GAP = 4;
const LARGEST_CANVAS = { side: 16000, area: 16e6 }; // pixels that every browser can hold

/** A sheet of tiles; choose(i) hears which. */
class TileSheet {
  constructor(name, choose) {
    Object.assign(this, { name, choose, count: 0, chosen: -1 });
    this.canvas = h("canvas", {
      class: "sheet",
      tabindex: 0,
      role: "application",
      onclick: (event) => this.press(event),
      onpointermove: (event) => this.hover(event),
      onkeydown: (event) => this.key(event),
    });
    this.element = h("div", { class: "sheet-scroll" }, this.canvas);
  }

  /** `paint(context, i, x, y, width, height)` draws tile i; `says(i)` is what a screen reader hears of it. */
  show({ count, chosen, width, height, paint, says }) {
    Object.assign(this, { count, chosen, width, height, paint, says });
    const room = Math.max(this.element.clientWidth - 18, 200);
    this.columns = Math.max(1, Math.min(count, Math.floor((room + TILE_GAP) / (width + TILE_GAP))));
    const rows = Math.ceil(count / this.columns);
    const [wide, high] = [this.columns * (width + TILE_GAP) + TILE_GAP, rows * (height + TILE_GAP) + TILE_GAP];
    const { side, area } = LARGEST_CANVAS;
    const sharp = Math.min(window.devicePixelRatio || 1, side / high, Math.sqrt(area / (wide * high)));
    Object.assign(this.canvas, { width: Math.round(wide * sharp), height: Math.round(high * sharp) });
    this.canvas.style.cssText = `width: ${wide}px; height: ${high}px`;
    this.draw(sharp);
    if (chosen >= 0) this.reveal(chosen);
  }

  draw(sharp) {
    const context = this.canvas.getContext("2d");
    context.scale(sharp, sharp);
    context.imageSmoothingEnabled = false;
    const style = getComputedStyle(document.documentElement);
    for (let i = 0; i < this.count; i++) {
      const [x, y] = this.corner(i);
      this.paint(context, i, x, y, this.width, this.height);
      context.strokeStyle = style.getPropertyValue(i === this.chosen ? "--accent" : "--line");
      context.lineWidth = i === this.chosen ? 4 : 1;
      context.strokeRect(x - 0.5, y - 0.5, this.width + 1, this.height + 1);
    }
    this.canvas.setAttribute("aria-label", `${this.name}; arrow keys choose. ${this.says(Math.max(this.chosen, 0))}`);
  }

  corner(i) {
    return [
      TILE_GAP + (i % this.columns) * (this.width + TILE_GAP),
      TILE_GAP + Math.floor(i / this.columns) * (this.height + TILE_GAP),
    ];
  }

  /** The tile under the pointer, or null. */
  under(event) {
    const edge = this.canvas.getBoundingClientRect();
    const column = Math.floor((event.clientX - edge.left - TILE_GAP / 2) / (this.width + TILE_GAP));
    const row = Math.floor((event.clientY - edge.top - TILE_GAP / 2) / (this.height + TILE_GAP));
    const i = row * this.columns + Math.min(Math.max(column, 0), this.columns - 1);
    return i >= 0 && i < this.count ? i : null;
  }

  press(event) {
    const i = this.under(event);
    if (i !== null) this.choose(i);
  }

  hover(event) {
    const i = this.under(event);
    this.canvas.title = i === null ? "" : this.says(i);
  }

  key(event) {
    const step = {
      ArrowRight: 1,
      ArrowLeft: -1,
      ArrowDown: this.columns,
      ArrowUp: -this.columns,
      Home: -this.chosen,
      End: this.count - 1 - this.chosen,
    }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const i = this.chosen + step;
    if (i < 0 || i >= this.count) return;
    this.choose(i);
    announce(this.says(i));
  }

  reveal(i) {
    const [, y] = this.corner(i),
      { scrollTop, clientHeight } = this.element;
    if (y < scrollTop || y + this.height > scrollTop + clientHeight) this.element.scrollTop = y - TILE_GAP;
  }
}
