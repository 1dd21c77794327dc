"use strict";
// The SVG of a graph: lines, cards, and frames around unfolded blocks.

/** A line through its points: curves between layers, straight past the cards of a layer in between. */
function drawLine(line, near) {
  let path = `M${line.points[0]}`;
  for (let i = 1; i < line.points.length; i++) {
    const [[x0, y0], [x1, y1]] = [line.points[i - 1], line.points[i]];
    const middle = (y0 + y1) / 2;
    path += i % 2 === 0 || Math.abs(x0 - x1) < 0.5 ? `L${x1},${y1}` : `C${x0},${middle} ${x1},${middle} ${x1},${y1}`;
  }
  const [x, y] = line.points.at(-1);
  if (line.to !== null) path += `M${x - 4},${y - 6}L${x},${y}L${x + 4},${y - 6}`;
  return svg("path", { d: path, class: near ? "graph-line near" : "graph-line" });
}

/** A card, or a folded block as a pile of cards; `face` is {title, detail, right, below, colour, fill}. */
function drawCard(box, face, attributes) {
  const { x, y, width, height } = box;
  const pile = box.part < 0 ? [6, 3].map((d) => cardRect(x + d, y + d, width, height, { class: "graph-pile" })) : [];
  const text = (dx, dy, words, kind, end) =>
    svg("text", { x: end ? x + width - 10 : x + dx, y: y + dy, class: kind, "text-anchor": end ? "end" : null }, words);
  const room = width - 34;
  return svg(
    "g",
    { class: "graph-card", ...attributes },
    pile,
    cardRect(x, y, width, height, { class: "graph-face", style: face.fill ? `fill: ${face.fill}` : null }),
    svg("rect", { x: x + 1, y: y + 6, width: 5, height: height - 12, rx: 2.5, fill: face.colour }),
    text(15, 19, fitted(face.title, (room - 6.6 * face.right.length) / 8), "graph-title"),
    text(0, 19, face.right, "graph-right", true),
    text(15, 36, clipped(face.detail, (room - 6.2 * face.below.length) / 6.1), "graph-detail"),
    text(0, 36, face.below, "graph-detail", true),
    svg("title", {}, face.tooltip),
  );
}

/** The frame around an unfolded block; its title folds it again. */
function drawFrame(box, title, attributes) {
  const { x, y, width, height } = box;
  return svg(
    "g",
    { class: "graph-frame", ...attributes },
    cardRect(x, y, width, height, { class: "graph-ground" }),
    svg("rect", { x: x + 1, y: y + 1, width: width - 2, height: GRAPH.head - 8, rx: 6, class: "graph-bar" }),
    svg("text", { x: x + 12, y: y + 15, class: "graph-title" }, `▾ ${fitted(title, (width - 30) / 8)}`),
  );
}

function cardRect(x, y, width, height, attributes) {
  return svg("rect", { x, y, width, height, rx: 7, ...attributes });
}

/** A name with its beginning left out where it is too long: names of neighbours differ at their ends. */
function fitted(text, letters) {
  const most = Math.max(Math.floor(letters), 4);
  if (text.length <= most) return text;
  const tail = text.slice(text.length - most + 1), part = tail.indexOf("."); // from a whole word on, if there is one
  return `…${tail.slice(part >= 0 && part < tail.length - 1 ? part + 1 : 0)}`;
}

/** Words with their end left out where they are too long. */
function clipped(text, letters) {
  const most = Math.max(Math.floor(letters), 4);
  return text.length <= most ? text : `${text.slice(0, most - 1).replace(/[ ,]+$/, "")}…`;
}
