"use strict";
// Everything about the node that is looked at: what it does, one of its pixels, its feature maps, its kernels.

/**
 * `app` has nodes, source and photo; on.follow({card, channel, y, x}) hears which pixel of another node is asked for,
 * on.extra(card, channel) may return more to show below the maps.
 */
class DetailView {
  constructor(app, on) {
    Object.assign(this, { app, on, at: null, shared: false });
    this.heading = h("h2", { id: "detail-title" });
    this.about = h("p", { class: "about" });
    this.pixel = new PixelView(app, {
      pixel: (y, x, aloud) => this.show({ ...this.at, y, x }, aloud),
      follow: on.follow,
    });
    this.sheet = new TileSheet("feature maps", (i) =>
      this.show({ ...this.at, channel: this.maps.kept[i], y: undefined }),
    );
    this.kernels = new TileSheet("kernels", (i) =>
      this.show({ ...this.at, channel: this.shownKernels.kept[i], y: undefined }),
    );
    this.scale = h("input", {
      type: "checkbox",
      onchange: () => {
        this.shared = this.scale.checked;
        this.drawSheet();
      },
    });
    this.counted = h("p", { class: "small quiet" });
    this.kernelTitle = h("h3", {}, "Kernels");
    this.kernelNote = h("p", { class: "small quiet" });
    this.more = h("div", { class: "more" });
    this.rest = h(
      "div",
      {},
      this.pixel.element,
      h(
        "div",
        { class: "row sheet-head" },
        h("h3", {}, "Feature maps"),
        h("label", { class: "small" }, this.scale, " one scale for all"),
      ),
      this.counted,
      this.sheet.element,
      this.more,
      this.kernelTitle,
      this.kernelNote,
      this.kernels.element,
    );
    this.nothing = h("p", { class: "quiet" }, "What this node computes is no picture; there are no maps of it.");
    this.element = h(
      "section",
      { class: "detail panel", "aria-labelledby": "detail-title" },
      this.heading,
      this.about,
      this.nothing,
      this.rest,
    );
  }

  /** Look at a card; channel and pixel are chosen where they are not said: those of most interest. */
  async show({ card, channel, y, x }, aloud = false) {
    const { nodes, source } = this.app,
      node = nodes[card];
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
    if (!maps.row.has(channel)) channel = liveliest(maps, await explained(source, node, card, maps));
    if (y === undefined || y >= maps.shape[1] || x >= maps.shape[2]) [y, x] = brightest(maps, channel);
    const same = !moved && this.drawn === `${card} ${channel}`;
    this.at = { card, channel, y, x };
    await this.pixel.show(this.at, maps, aloud);
    if (same || asked !== this.asked) return;
    this.drawn = `${card} ${channel}`;
    this.drawSheet();
    this.more.replaceChildren(...[this.on.extra?.(card, channel)].flat().filter(Boolean));
    await this.drawKernels();
    this.element.dataset.shown = node.name;
  }

  /** Once the maps have changed: the same place again. */
  refresh() {
    this.drawn = null;
    return this.at && this.show(this.at);
  }

  drawSheet() {
    const { maps, at } = this,
      [channels, height, width] = maps.shape;
    const side = Math.max(height, width),
      single = side === 1;
    const tall = single ? 30 : Math.max(44, Math.min(side, 88));
    const bound =
      this.shared || single ? Math.max(...maps.kept.map((channel) => boundOf(maps.plane(channel)))) : undefined;
    this.counted.textContent =
      maps.kept.length < channels
        ? `${maps.kept.length} of ${channels} channels: those that differ most on this photo. The others were left out.`
        : `All ${channels} ${channels === 1 ? "channel" : "channels"}. Orange is above 0, blue below.`;
    this.sheet.show({
      count: maps.kept.length,
      chosen: maps.kept.indexOf(at.channel),
      width: single ? 30 : Math.round((tall * width) / side),
      height: single ? 30 : Math.round((tall * height) / side),
      paint: (context, i, x, y, w, t) =>
        context.drawImage(canvasOf(pictureOf(maps.plane(maps.kept[i]), height, width, bound)), x, y, w, t),
      says: (i) => {
        const channel = maps.kept[i];
        return single
          ? `channel ${channel}: ${digits(maps.plane(channel)[0])}`
          : `channel ${channel}, up to ${digits(largestOf(maps.plane(channel)))}`;
      },
    });
  }

  async drawKernels() {
    const { card, channel } = this.at,
      { source, nodes } = this.app;
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

/** The channels whose sums can be shown: their kernel is in the page, and of depthwise layers the one map they read. */
async function explained(source, node, card, maps) {
  if (node.window?.kind !== "conv") return maps.kept;
  const kernels = await source.kernels(card),
    [place, offset] = node.reads[0];
  const below = node.window.inputs === node.window.groups ? await source.maps(place) : null;
  const known = new Set(kernels?.kept);
  const found = maps.kept.filter(
    (channel) => known.has(channel) && (!below || below.row.has(offset + channelsRead(node, channel).first)),
  );
  return found.length ? found : maps.kept;
}

/** The one of these channels whose map differs most between regions (an eighth of a side), not between neighbours. */
function liveliest(maps, channels) {
  const [, height, width] = maps.shape;
  const parts = Math.min(8, Math.max(height, width));
  const spread = (values) => {
    if (values.length === 1) return values[0];
    const sums = new Float64Array(parts * parts);
    values.forEach((value, i) => {
      sums[Math.floor((Math.floor(i / width) * parts) / height) * parts + Math.floor(((i % width) * parts) / width)] +=
        value;
    });
    const mean = sums.reduce((a, b) => a + b, 0) / sums.length;
    return sums.reduce((all, sum) => all + (sum - mean) ** 2, 0);
  };
  const spreads = channels.map((channel) => spread(maps.plane(channel)));
  return channels[spreads.indexOf(Math.max(...spreads))];
}

/** Row and column of a channel's largest value; borders, where padding shows, are passed over in larger maps. */
function brightest(maps, channel) {
  const plane = maps.plane(channel),
    [, height, width] = maps.shape;
  const [down, across] = [Math.floor(height / 8), Math.floor(width / 8)];
  let best = [down, across];
  for (let y = down; y < height - down; y++) {
    for (let x = across; x < width - across; x++)
      if (plane[y * width + x] > plane[best[0] * width + best[1]]) best = [y, x];
  }
  return best;
}
