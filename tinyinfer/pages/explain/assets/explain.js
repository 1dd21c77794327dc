"use strict";
// The page: the answer on top, below it the graph and the node that is looked at.

async function explainPage() {
  const facts = embedded("explain"),
    nodes = embedded("nodes"),
    graph = embedded("graph");
  const image = new Image();
  image.src = facts.seen;
  await image.decode();
  const photo = { image, shape: [3, image.naturalHeight, image.naturalWidth] };
  const app = { nodes, photo, source: facts.live ? new LiveMaps(nodes, embedded("program")) : new EmbeddedMaps(nodes) };
  const answer = new AnswerView(facts, photo);
  const live = facts.live ? new LiveView(app, facts, answer, () => detail.refresh()) : null;
  let wanted = {}; // the channel and pixel of the card that is about to be selected
  const detail = new DetailView(app, {
    follow: (place) => {
      wanted = place;
      view.select(place.card);
    },
    extra: (card, channel) => live?.switchFor(card, channel),
  });
  const view = graphView(graph, {
    select: async (card) => {
      const { channel, y, x } = wanted;
      wanted = {};
      await detail.show({ card, channel, y, x }, channel !== undefined);
      if (channel !== undefined) detail.pixel.output.canvas.focus({ preventScroll: true });
    },
    name: "the network's graph; arrow keys walk through it",
  });
  if (live) answer.words.append(live.element);
  document
    .getElementById("explain")
    .append(
      answer.element,
      h(
        "div",
        { class: "work" },
        h("div", { class: "graph-column" }, h("h2", { class: "hidden-text" }, "The network"), view.element),
        detail.element,
      ),
    );
  document.getElementById("footer").append(leftOut(nodes, facts));
  darkMode.addEventListener("change", () => {
    answer.render();
    detail.refresh();
  });
  window.addEventListener(
    "resize",
    debounced(() => detail.refresh()),
  );
  if (live) await live.run();
  view.select(
    Math.max(
      nodes.findIndex((node) => node.window?.kind === "conv"),
      1,
    ),
  );
  document.documentElement.dataset.ready = "true";
}

/** What the file doesn't hold, in words. */
function leftOut(nodes, facts) {
  if (facts.live)
    return "The network runs in this page: all numbers are float32, as in tinyinfer, and nothing is sent anywhere.";
  const shown = nodes.filter((node) => node.shape);
  const all = shown.reduce((sum, node) => sum + node.shape[0], 0);
  const kept = shown.reduce((sum, node) => sum + (node.maps?.length ?? node.shape[0]), 0);
  const what =
    kept < all
      ? `${kept.toLocaleString("en")} of ${all.toLocaleString("en")} feature maps are in this file`
      : `All ${all.toLocaleString("en")} feature maps are in this file`;
  const precision = "in 8 bits each, kernels too: sums agree with the network's to about a hundredth";
  return `${what}, ${precision}. Batch norms that follow a layer are folded into it.`;
}

function debounced(act, wait = 150) {
  let timer = 0;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(act, wait);
  };
}

explainPage();
