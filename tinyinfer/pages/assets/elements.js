"use strict";
// Makers of elements, and the way to what Python put into the page.

const SVG = "http://www.w3.org/2000/svg";

/** An element with attributes and children; a function as attribute "on..." listens, null and false leave it out. */
function h(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}

/** The same in SVG. */
function svg(name, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, name), attributes, children);
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** What Python embedded under this name; parsed when first asked for. */
const embedded = (() => {
  const parsed = new Map();
  return (name) => {
    if (!parsed.has(name)) parsed.set(name, JSON.parse(document.getElementById(`data-${name}`).textContent));
    return parsed.get(name);
  };
})();

/** The bytes that base64_bytes of document.py made text of. */
function bytesOf(text) {
  const binary = atob(text);
  return Uint8Array.from({ length: binary.length }, (_, i) => binary.charCodeAt(i));
}

/** A worker that runs the script which Python embedded under this name. */
function startWorker(name) {
  const source = document.getElementById(`worker-${name}`).textContent;
  const address = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  const worker = new Worker(address);
  URL.revokeObjectURL(address);
  return worker;
}

/** 1234567 as "1.23 M". */
function short(count) {
  for (const [size, letter] of [[1e9, "G"], [1e6, "M"], [1e3, "k"]]) {
    if (Math.abs(count) >= size) return `${(count / size).toPrecision(3)} ${letter}`;
  }
  return String(count);
}

/** Tell a screen reader, without moving what others see. */
function announce(text) {
  let region = document.getElementById("announcements");
  if (!region) {
    region = h("div", { id: "announcements", class: "hidden-text", "aria-live": "polite" });
    document.body.append(region);
  }
  region.textContent = text;
}
