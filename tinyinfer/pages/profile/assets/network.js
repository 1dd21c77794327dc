"use strict";
// The network, its layers and blocks coloured by the time that they take.

function networkView(run, data, link) {
  const places = new Map(run.steps.map((step, i) => [step.name, i]));
  const stepsOf = data.cards.map((card) => card.names.flatMap((name) => (places.has(name) ? [places.get(name)] : [])));
  const partSteps = (part) => (part < 0 ? cardsIn(data, -1 - part) : [part]).flatMap((card) => stepsOf[card]);
  const shareOf = (cards) => cards.flatMap((card) => stepsOf[card]).reduce((sum, i) => sum + run.steps[i].share, 0);
  const hottest = Math.max(...data.cards.map((_, card) => shareOf([card])), 1e-9);
  const paint = (cards) => {
    const part = shareOf(cards);
    const heat = Math.min(part / hottest, 1).toFixed(3);
    return { fill: `color-mix(in srgb, var(--orange) calc(${heat} * var(--hottest)), var(--panel))`, below: percent(part) };
  };
  const view = graphView(data, { name: `${run.name}, coloured by time`, paint, select: (card) => link.keep(stepsOf[card]) });
  const partAt = (event) => event.target.closest?.("[data-part]");
  const point = (event) => { const box = partAt(event); if (box) link.point(partSteps(Number(box.dataset.part))); };
  view.element.addEventListener("pointerover", (event) => { if (event.pointerType !== "touch") point(event); });
  view.element.addEventListener("pointerout", (event) => { if (partAt(event)) link.leave(); });
  view.element.addEventListener("focusin", point);
  view.element.addEventListener("focusout", () => link.leave());
  link.tell((steps) => view.element.querySelectorAll("[data-part]").forEach((box) => {
    box.classList.toggle("linked", partSteps(Number(box.dataset.part)).some((step) => steps.has(step)));
  }));
  requestAnimationFrame(() => { // once it has a size: the middle of a wide network
    const scroller = view.element.querySelector(".graph-scroll"), first = scroller.querySelector("[data-part]");
    const place = first.getBoundingClientRect(), frame = scroller.getBoundingClientRect();
    scroller.scrollLeft += place.left + place.width / 2 - frame.left - frame.width / 2;
  });
  const words = "The darker, the longer; blocks show what is in them together. Enter or a click opens a block.";
  return section("The network, coloured by time", words, view.element);
}
