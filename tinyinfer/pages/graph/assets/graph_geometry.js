"use strict";
// Where everything of a graph lies when some of its blocks are unfolded.  Python has laid out the parts of each block
// as if all were folded (tinyinfer/drawing/placing.py); an unfolded one needs more room, and its neighbours move aside.

const GRAPH = { height: 46, between: 24, head: 28, pad: 14, margin: 16 };

/**
 * Boxes and lines from the upper left corner: boxes {part, x, y, width, height, inside} with frames before what they
 * hold, `inside` the number of the block that holds it; lines {points, from, to} between parts of one block.
 */
function graphGeometry(data, open) {
  const whole = blockGeometry(data, open, 0);
  const boxes = [],
    lines = [];
  const put = (geometry, block, left, top) => {
    for (const line of geometry.lines) {
      lines.push({ ...line, points: line.points.map(([x, y]) => [x + left, y + top]) });
    }
    for (const box of geometry.boxes) {
      boxes.push({
        part: box.part,
        x: box.x + left,
        y: box.y + top,
        width: box.width,
        height: box.height,
        inside: block,
      });
      if (box.contents) put(box.contents, -1 - box.part, box.x + left, box.y + top);
    }
  };
  put(whole, 0, 0, 0);
  return { width: whole.width, height: whole.height, boxes, lines };
}

/** One block: its size, boxes and lines as seen from its own corner; `entry` and `exit` are where lines meet it. */
function blockGeometry(data, open, number) {
  const block = data.blocks[number];
  const boxes = block.parts.map((part) => boxGeometry(data, open, part));
  const ends = [block.entry, block.exit]
    .filter((end) => end !== null)
    .map(() => ({ part: null, left: 0, right: 0, height: 0 }));
  const items = [...boxes, ...ends];
  items.forEach((item, i) => Object.assign(item, { wanted: block.x[i], layer: block.layer[i] }));
  const passes = block.edges.map(([from, , centres]) =>
    centres.map((wanted, i) => ({
      wanted,
      left: data.size.lane / 2,
      right: data.size.lane / 2,
      height: 0,
      layer: block.layer[from] + 1 + i,
    })),
  );
  const all = [...items, ...passes.flat()];
  const rows = [];
  for (const item of all) (rows[item.layer] ??= []).push(item);
  rows.forEach((row) => settle(row, data.size.gap));
  const edge = number > 0 ? GRAPH.pad : GRAPH.margin;
  const left = Math.min(...all.map((item) => item.centre - item.left));
  const right = Math.max(...all.map((item) => item.centre + item.right));
  const height = stack(rows, number > 0 ? GRAPH.head : GRAPH.margin) + edge;
  for (const item of all) {
    item.centre += edge - left;
    item.x = item.centre - item.left;
  }
  const width = right - left + 2 * edge;
  const lines = block.edges.map(([a, b], i) => lineOf(items[a], items[b], passes[i], height));
  const at = (end) => (end === null ? width / 2 : items[end].centre);
  return { width, height, boxes, lines, entry: at(block.entry), exit: at(block.exit) };
}

/** A card or block before it has a place: how far it reaches to both sides of the line that comes in. */
function boxGeometry(data, open, part) {
  if (part < 0 && open.has(-1 - part)) {
    const contents = blockGeometry(data, open, -1 - part);
    const { width, height, entry } = contents;
    return { part, contents, width, height, left: entry, right: width - entry };
  }
  const { width } = data.size;
  return { part, contents: null, width, height: GRAPH.height, left: width / 2, right: width / 2 };
}

/** Give each row its top and height, one below the other; returns where the last ends. */
function stack(rows, top) {
  let y = top;
  rows.forEach((row, i) => {
    const tall = Math.max(...row.map((item) => item.height));
    for (const item of row) Object.assign(item, { y, bottom: y + (item.height || tall) });
    y += tall + (i < rows.length - 1 ? GRAPH.between : 0);
  });
  return y;
}

/** From a box, or the title of the frame, past the layers between to a box, or the frame's lower edge. */
function lineOf(from, to, passed, height) {
  const points = [
    [from.contents ? from.x + from.contents.exit : from.centre, from.part === null ? GRAPH.head - 7 : from.bottom],
  ];
  for (const point of passed) points.push([point.centre, point.y], [point.centre, point.bottom]);
  points.push([to.centre, to.part === null ? height : to.y]);
  return { points, from: from.part, to: to.part };
}

/**
 * Centres of a row's items, as near to what they want as widths and gaps allow, by least squares: shifted by what lies
 * to the left, it is isotonic regression by pooling neighbours.
 */
function settle(row, gap) {
  row.sort((a, b) => a.wanted - b.wanted);
  const pools = [];
  let shift = 0;
  row.forEach((item, i) => {
    if (i > 0) shift += row[i - 1].right + item.left + gap;
    item.shift = shift;
    let pool = { mean: item.wanted - shift, members: [item] };
    while (pools.length && pools.at(-1).mean >= pool.mean) {
      const other = pools.pop();
      const members = [...other.members, ...pool.members];
      const mean = (other.mean * other.members.length + pool.mean * pool.members.length) / members.length;
      pool = { mean, members };
    }
    pools.push(pool);
  });
  for (const pool of pools) for (const item of pool.members) item.centre = pool.mean + item.shift;
}
