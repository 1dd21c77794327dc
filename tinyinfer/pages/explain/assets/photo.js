"use strict";
// A picture on a canvas with something marked on it, in which pixels may be pointed at; the photo is one of them.

/**
 * A canvas of `side` pixels with a caption.  With `point`, pixels are pointed at: point(y, x) hears of hovering,
 * touching and arrow keys.
 */
class MarkedPicture {
  constructor({ side, label, point = null }) {
    Object.assign(this, { side, label, point, size: null, at: null });
    this.canvas = h("canvas", {
      class: "marked",
      role: point ? "application" : "img",
      tabindex: point ? 0 : null,
      onpointermove: (event) => this.hover(event),
      onpointerdown: (event) => this.hover(event),
      onkeydown: (event) => this.key(event),
    });
    this.caption = h("figcaption", { class: "small quiet" });
    this.element = h("figure", { class: point ? "picture pointed" : "picture" }, this.canvas, this.caption);
  }

  /**
   * `picture` is anything that drawImage takes, of height x width pixels; `box` {top, left, bottom, right} is marked,
   * what lies outside is dimmed if `dim`; `over(context, edge)` draws on top.
   */
  show({ picture, height, width, box = null, dim = false, smooth = false, caption = "", says = caption, over = null }) {
    const sharp = window.devicePixelRatio || 1,
      scale = this.side / Math.max(height, width);
    const least = height * width === 1 ? 0.3 : 1; // a single number needs no large picture
    const [wide, high] = [Math.max(width * scale * least, 4), Math.max(height * scale * least, 4)];
    Object.assign(this, { size: [height, width] });
    Object.assign(this.canvas, { width: Math.round(wide * sharp), height: Math.round(high * sharp) });
    this.canvas.style.aspectRatio = `${wide} / ${high}`;
    this.canvas.style.width = `${(100 * wide) / this.side}%`;
    const context = this.canvas.getContext("2d");
    context.imageSmoothingEnabled = smooth;
    context.drawImage(picture, 0, 0, this.canvas.width, this.canvas.height);
    over?.(context, [this.canvas.width, this.canvas.height]);
    if (box) this.mark(context, box, dim, sharp);
    this.caption.replaceChildren(caption);
    this.canvas.setAttribute("aria-label", `${this.label}${says ? `: ${says}` : ""}`);
  }

  mark(context, { top, left, bottom, right }, dim, sharp) {
    const [across, down] = [this.canvas.width / this.size[1], this.canvas.height / this.size[0]];
    const [x, y, w, t] = [left * across, top * down, (right - left) * across, (bottom - top) * down];
    if (dim) {
      context.fillStyle = "rgba(0, 0, 0, 0.5)";
      const hole = new Path2D();
      hole.rect(0, 0, this.canvas.width, this.canvas.height);
      hole.rect(x, y, w, t);
      context.fill(hole, "evenodd");
    }
    const rim = 2 * sharp;
    for (const [colour, width] of [
      ["#000000", 4],
      ["#f0e442", 2],
    ]) {
      // yellow with a dark rim is seen on every ground
      context.strokeStyle = colour;
      context.lineWidth = width * sharp;
      context.strokeRect(x - rim, y - rim, w + 2 * rim, t + 2 * rim);
    }
  }

  hover(event) {
    if (!this.point || !this.size) return;
    const edge = this.canvas.getBoundingClientRect();
    const index = (at, extent, count) => Math.min(Math.max(Math.floor((at / extent) * count), 0), count - 1);
    this.move(
      index(event.clientY - edge.top, edge.height, this.size[0]),
      index(event.clientX - edge.left, edge.width, this.size[1]),
    );
  }

  key(event) {
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (!this.point || !step || !this.size) return;
    event.preventDefault();
    const to = this.at.map((place, i) => Math.min(Math.max(place + step[i], 0), this.size[i] - 1));
    this.move(...to, true);
  }

  move(y, x, aloud = false) {
    if (this.at && this.at[0] === y && this.at[1] === x) return;
    this.at = [y, x];
    this.point(y, x, aloud);
  }
}

/** Draw a map over a picture: orange where it is positive, blue where it is negative, as strong as it is. */
function drawHeat(context, [width, height], rows) {
  const flat = rows.flat(),
    bound = boundOf(flat);
  const picture = new ImageData(rows[0].length, rows.length);
  flat.forEach((value, i) => {
    picture.data.set([...(value < 0 ? BELOW : ABOVE), Math.round(200 * (bound ? Math.abs(value) / bound : 0))], 4 * i);
  });
  context.imageSmoothingEnabled = true;
  context.imageSmoothingQuality = "high";
  context.drawImage(canvasOf(picture), 0, 0, width, height);
}

/** In words, where a map is largest. */
function placeOf(rows) {
  const flat = rows.flat(),
    at = flat.indexOf(Math.max(...flat));
  const third = (share, names) => names[Math.min(Math.floor(share * 3), 2)];
  const wide = rows[0].length;
  const down = third((Math.floor(at / wide) + 0.5) / rows.length, ["upper", "middle", "lower"]);
  const across = third(((at % wide) + 0.5) / wide, ["left", "centre", "right"]);
  return down === "middle" && across === "centre" ? "in the centre" : `at the ${down} ${across}`;
}
