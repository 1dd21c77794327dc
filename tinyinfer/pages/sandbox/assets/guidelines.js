// The four guidelines of ShuffleNet V2 (Ma et al. 2018, section 2), each with a measure, a verdict and a reason.

const GOOD = "good";
const FAIR = "fair";
const POOR = "poor";

const percent = (share) => (share < 0.0005 ? "under 0.1 %" : `${(100 * share).toFixed(share < 0.0995 ? 1 : 0)} %`);
const times = (factor) => `${factor.toFixed(2)} times`;
const grade = (value, good, fair) => (value <= good ? GOOD : value <= fair ? FAIR : POOR);

/** The verdicts on a design. */
function guidelinesOf(design) {
  const wide = design.layers.filter(({ kind, sizes }) => ["pointwise", "grouped"].includes(kind) && sizes[3] > 1);
  return [equalWidths(wide), fewGroups(wide), fewFragments(design), fewElementwise(design)];
}

/** What a 1x1 layer moves: inputs, outputs, weights. */
function moved(inside, outside, groups, pixels) {
  return pixels * groups * (inside + outside) + inside * outside * groups;
}

function equalWidths(wide) {
  let found = 0;
  let least = 0;
  let ratio = 1;
  for (const { sizes: [inside, outside, groups, pixels] } of wide) {
    found += moved(inside, outside, groups, pixels);
    const equal = Math.sqrt(inside * outside);
    least += moved(equal, equal, groups, pixels);
    ratio = Math.max(ratio, inside / outside, outside / inside);
  }
  const excess = found / least - 1;
  const verdict = grade(excess, 0.08, 0.25);
  return {
    name: "G1", title: "Equal channel widths move least", verdict, value: excess,
    reason: `The 1 × 1 layers move ${percent(excess)} more than layers of the same mult-adds with as many channels in as out would; the most unequal one is 1 : ${ratio.toFixed(ratio < 9.95 ? 1 : 0)}.`,
    hint: verdict === GOOD ? "" : "An expansion, or a bottleneck, is what makes them unequal.",
  };
}

function fewGroups(wide) {
  const grouped = wide.filter(({ kind }) => kind === "grouped");
  const sum = (rows, of) => rows.reduce((total, row) => total + of(row), 0);
  if (!grouped.length) {
    return { name: "G2", title: "Groups move more for the same work", verdict: GOOD, value: 1, reason: "No 1 × 1 layer is grouped.", hint: "" };
  }
  const found = sum(grouped, ({ sizes: [i, o, g, p] }) => moved(i, o, g, p));
  const whole = sum(grouped, ({ sizes: [i, o, g, p] }) => moved(i * g, o, 1, p)); // as many inputs and mult-adds
  const share = sum(grouped, ({ macs }) => macs) / sum(wide, ({ macs }) => macs);
  const factor = found / whole;
  return {
    name: "G2", title: "Groups move more for the same work", verdict: grade(factor, 1.05, 1.4), value: factor,
    reason: `${percent(share)} of the 1 × 1 mult-adds are in groups. Those layers move ${times(factor)} what ungrouped ones with the same inputs and mult-adds would.`,
    hint: "Fewer groups and fewer channels cost as many mult-adds.",
  };
}

function fewFragments({ layers, ms }) {
  const steps = layers.filter((layer) => layer.ms > 0);
  const small = steps.filter(({ kind, macs }) => macs < 1e5 && !["channel_shuffle", "add", "mul"].includes(kind));
  const share = small.reduce((sum, layer) => sum + layer.ms, 0) / ms;
  const gates = layers.filter(({ kind }) => kind === "mul").length;
  return {
    name: "G3", title: "Fragments keep a core waiting", verdict: grade(share, 0.03, 0.08), value: share,
    reason: `${steps.length} steps; ${small.length} of them, such as pools and layers on single pixels, have under 0.1 M mult-adds and take ${percent(share)} of the predicted time.`,
    hint: gates ? `${gates} gates of squeeze and excitation bring three such steps each.` : "",
  };
}

function fewElementwise({ network }) {
  const elementwise = new Set(["relu", "relu6", "hardswish", "hardsigmoid", "add", "mul", "channel_shuffle"]);
  let small = 0;
  let all = 0;
  let additions = 0;
  for (const { op, access, groups, out } of network.nodes) {
    if (op === "batch_norm") continue; // folded into the convolution
    all += access;
    if (elementwise.has(op) || (op === "conv2d" && groups === out)) small += access;
    if (op === "add") additions += 1;
  }
  const share = small / all;
  const verdict = grade(share, 0.5, 0.65);
  return {
    name: "G4", title: "Element-wise work is not free", verdict, value: share,
    reason: `${percent(share)} of what the network moves, as it is written, moves for activations, ${additions ? `${additions} additions, ` : ""}gates, shuffles and depthwise filters, which multiply next to nothing.`,
    hint: verdict === GOOD ? "" : "Engines fuse activations and additions into the convolution before them; depthwise filters remain.",
  };
}
