"use strict";
// What ties the views of a run together: a step that is looked at in one of them is marked in all.

/**
 * Which steps are looked at.  A pointer or the focus points at steps, a click or Enter keeps them until another or
 * Escape; views registered with `tell` are told a Set of numbers, empty for none, and whether they are kept.
 */
function makeLink() {
  const views = [];
  let pointed = null, kept = null;
  const inform = () => views.forEach((view) => view(new Set(pointed ?? kept ?? []), pointed === null && kept !== null));
  const link = {
    tell(view) { views.push(view); },
    point(steps) { pointed = steps.length ? steps : null; inform(); },
    leave() { pointed = null; inform(); },
    keep(steps) {
      kept = kept && kept.length === steps.length && kept.every((step, i) => step === steps[i]) ? null : steps;
      inform();
    },
    clear() { pointed = kept = null; inform(); },
  };
  return link;
}

/** Let an element stand for steps: it points at them under the pointer and the focus, and keeps them when pressed. */
function standsFor(element, steps, link) {
  element.addEventListener("pointerenter", (event) => { if (event.pointerType !== "touch") link.point(steps); });
  element.addEventListener("pointerleave", () => link.leave());
  element.addEventListener("focus", () => { if (element.matches(":focus-visible")) link.point(steps); });
  element.addEventListener("blur", () => link.leave());
  element.addEventListener("click", () => link.keep(steps));
  element.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    link.keep(steps);
  });
  return element;
}

/** One stop of the Tab key for many elements: arrow keys, Home and End walk through them. */
function walked(elements) {
  elements.forEach((element, at) => {
    element.setAttribute("tabindex", at === 0 ? 0 : -1);
    element.addEventListener("keydown", (event) => {
      const to = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: elements.length - 1 }[event.key];
      if (to === undefined || !elements[to]) return;
      event.preventDefault();
      element.setAttribute("tabindex", -1);
      elements[to].setAttribute("tabindex", 0);
      elements[to].focus();
    });
  });
  return elements;
}

/** Mark those of some elements that stand for a step looked at. */
function marking(link, elements, stepsOf) {
  link.tell((steps) => elements.forEach((element, at) => {
    element.classList.toggle("marked", stepsOf(at).some((step) => steps.has(step)));
  }));
}
