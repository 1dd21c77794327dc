"use strict";
// Everything about the node that is looked at: what it does, one of its pixels, its feature maps, its kernels.

/** `app` has nodes, source, photo and cards; `extra(card, channel)` may return more to show below the maps. */
class DetailView {
  constructor(app, extra) {
    Object.assign(this, { app, extra, at: null, shared: false });
    this.heading = h("h2", { id: "detail-title" });
    this.about = h("p", { class: "about" });
    this.pixel = new PixelView(app, { pixel: (y, x, aloud) => this.show({ ...this.at, y, x }, aloud) });
    this.sheet = new TileSheet("feature maps", (i) => this.show({ ...this.at, channel: this.maps.kept[i], y: undefined }));
    this.kernels = new TileSheet("kernels", (i) => this.show({ ...this.at, channel: this.shownKernels.kept[i], y: undefined }));
    this.scale = h("input", { type: "checkbox", onchange: () => { this.shared = this.scale.checked; this.drawSheet(); } });
    this.counted = h("p", { class: "small quiet" });
    this.kernelTitle = h("h3", {}, "Kernels");
    this.kernelNote = h("p", { class: "small quiet" });
    this.more = h("div", { class: "more" });
    this.rest = h("div", {}, this.pixel.element, h("div", { class: "row sheet-head" }, h("h3", {}, "Feature maps"),
      h("label", { class: "small" }, this.scale, " one scale for all")), this.counted, this.sheet.element, this.more,
    this.kernelTitle, this.kernelNote, this.kernels.element);
    this.nothing = h("p", { class: "quiet" }, "What this node computes is no picture; there are no maps of it.");
    this.element = h("section", { class: "detail panel", "aria-labelledby": "detail-title" }, this.heading, this.about, this.nothing, this.rest);
  }

  /** Look at a card; channel and pixel are chosen where they are not said: those of most interest. */
  async show({ card, channel, y, x }, aloud = false) {
    const { nodes, source } = this.app, node = nodes[card];
    const moved = this.at?.card !== card;
    const asked = (this.asked = Symbol());
    const maps = node.shape ? await source.maps(card) : null;
    if (asked !== this.asked) return;
    this.maps = maps;
    this.rest.hidden = !maps;
    this.nothing.hidden = Boolean(maps);
    this.heading.textContent = node.name;
    this.about.replaceChildren(describeNode(node, nodes));
    this.at = { card };
    if (!maps) return;
    channel = maps.row.has(channel) ? channel : liveliest(maps);
    if (y === undefined || y >= maps.shape[1] || x >= maps.shape[2]) [y, x] = brightest(maps, channel);
    const same = !moved && this.drawn === `${card} ${channel}`;
    this.at = { card, channel, y, x };
    await this.pixel.show(this.at, maps, aloud);
    if (same || asked !== this.asked) return;
    this.drawn = `${card} ${channel}`;
    this.drawSheet();
    this.more.replaceChildren(...[this.extra?.(card, channel)].flat().filter(Boolean));
    await this.drawKernels();
  }

  /** Once the maps have changed: the same place again. */
  refresh() {
    this.drawn = null;
    return this.at && this.show(this.at);
  }

  drawSheet() {
    const { maps, at } = this, [channels, height, width] = maps.shape;
    const side = Math.max(height, width), single = side === 1;
    const tall = single ? 30 : Math.max(44, Math.min(side, 88));
    const bound = this.shared || single ? Math.max(...maps.kept.map((channel) => boundOf(maps.plane(channel)))) : undefined;
    this.counted.textContent = maps.kept.length < channels
      ? `${maps.kept.length} of ${channels} channels: those that differ most on this photo. The others were left out to keep this file small.`
      : `All ${channels} ${channels === 1 ? "channel" : "channels"}. Orange is above 0, blue below.`;
    this.sheet.show({
      count: maps.kept.length, chosen: maps.kept.indexOf(at.channel), width: single ? 30 : Math.round((tall * width) / side), height: single ? 30 : Math.round((tall * height) / side),
      paint: (context, i, x, y, w, t) => context.drawImage(canvasOf(pictureOf(maps.plane(maps.kept[i]), height, width, bound)), x, y, w, t),
      says: (i) => {
        const channel = maps.kept[i];
        return single ? `channel ${channel}: ${digits(maps.plane(channel)[0])}` : `channel ${channel}, up to ${digits(Math.max(...maps.plane(channel)))}`;
      },
    });
  }

  async drawKernels() {
    const { card, channel } = this.at, { source, nodes } = this.app;
    const all = await source.kernels(card);
    const kinds = all && kernelSheet(nodes[card], all, channel);
    for (const element of [this.kernelTitle, this.kernelNote, this.kernels.element]) element.hidden = !kinds;
    this.shownKernels = all;
    if (!kinds) return;
    this.kernelNote.textContent = kinds.note;
    this.kernels.choose = kinds.pick ? (i) => this.show({ ...this.at, channel: all.kept[i], y: undefined }) : () => {};
    this.kernels.show(kinds);
  }
}

/** The channel whose map differs most between its places. */
function liveliest(maps) {
  const spread = (plane) => (plane.length > 1 ? Math.max(...plane) - Math.min(...plane) : plane[0]);
  return maps.kept.reduce((best, channel) => (spread(maps.plane(channel)) > spread(maps.plane(best)) ? channel : best), maps.kept[0]);
}

/** Row and column of a channel's largest value. */
function brightest(maps, channel) {
  const plane = maps.plane(channel);
  let at = 0;
  plane.forEach((value, i) => { if (value > plane[at]) at = i; });
  return [Math.floor(at / maps.shape[2]), at % maps.shape[2]];
}
