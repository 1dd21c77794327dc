"use strict";
// Numbers as colours: nothing at 0, orange above, blue below (Okabe and Ito's, told apart by every eye).

const ABOVE = [213, 94, 0],
  BELOW = [0, 114, 178];
const darkMode = window.matchMedia("(prefers-color-scheme: dark)");
const ground = () => (darkMode.matches ? [24, 29, 35] : [255, 255, 255]);

/** The colour [r, g, b] of a number between -bound and bound. */
function colourOf(value, bound) {
  const share = bound > 0 ? Math.min(Math.abs(value) / bound, 1) : 0;
  const [base, full] = [ground(), value < 0 ? BELOW : ABOVE];
  return base.map((low, i) => Math.round(low + (full[i] - low) * share));
}

/** The same as CSS, with the colour of words that can be read on it. */
function cellStyle(value, bound) {
  const colour = colourOf(value, bound);
  const [r, g, b] = colour.map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
  const light = 0.2126 * r + 0.7152 * g + 0.0722 * b;
  return `background: rgb(${colour}); color: ${light > 0.179 ? "#000" : "#fff"}`;
}

/** The largest distance from 0. */
function boundOf(plane) {
  let bound = 0;
  for (const x of plane) bound = Math.max(bound, Math.abs(x));
  return bound;
}

/** The largest number; a plane may have more than a call takes arguments. */
function largestOf(plane) {
  let largest = -Infinity;
  for (const x of plane) if (x > largest) largest = x;
  return largest;
}

/** A map of numbers as pixels. */
function pictureOf(plane, height, width, bound = boundOf(plane)) {
  const picture = new ImageData(width, height);
  for (let i = 0; i < height * width; i++) picture.data.set([...colourOf(plane[i], bound), 255], 4 * i);
  return picture;
}

/** Put an ImageData into a canvas of its own size, for drawImage to enlarge. */
function canvasOf(picture) {
  const canvas = h("canvas", { width: picture.width, height: picture.height });
  canvas.getContext("2d").putImageData(picture, 0, 0);
  return canvas;
}

/** A number in three digits, with a proper minus. */
function digits(x) {
  const size = Math.abs(x);
  const plain = size === 0 || (size >= 0.0001 && size < 10000);
  const text = plain ? String(Number(x.toPrecision(size < 0.1 ? 2 : 3))) : x.toExponential(1);
  return text.replace("-", "−");
}
