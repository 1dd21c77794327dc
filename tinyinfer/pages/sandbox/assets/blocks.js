// The blocks that the families repeat: the twins of tinyinfer/models/blocks.

/** Convolution, batch norm and, if there is one, an activation. */
function convBnAct(b, x, channels, kernel, { activation = null, ...how } = {}) {
  const y = b.batchNorm(b.conv2d(x, channels, kernel, how));
  return activation ? b.same(activation, y) : y;
}

/** A gate for each channel, from the means of all. */
function squeezeExcite(b, x, reduced) {
  let y = b.globalPool(x);
  y = b.same("relu", b.conv2d(y, reduced, 1, { bias: true }));
  y = b.same("hardsigmoid", b.conv2d(y, b.channels(x), 1, { bias: true }));
  return b.same("mul", x, y);
}

/** Expand, filter by a depthwise, project; the input is added where it fits. */
function invertedResidual(b, x, channels, { hidden, expand, stride, activation, kernel = 3, reduced = 0 }) {
  let y = expand ? convBnAct(b, x, hidden, 1, { activation }) : x;
  y = convBnAct(b, y, hidden, kernel, { stride, groups: hidden, activation });
  if (reduced) y = squeezeExcite(b, y, reduced);
  const fits = stride === 1 && b.channels(x) === channels;
  y = convBnAct(b, y, channels, 1);
  return fits ? b.same("add", x, y) : y;
}

/** The same with grouped 1x1s, each followed by a shuffle (IGCV3, figure 2). */
function interleavedResidual(b, x, channels, { hidden, groups, stride }) {
  let y = b.shuffle(convBnAct(b, x, hidden, 1, { groups, activation: "relu6" }), groups);
  y = convBnAct(b, y, hidden, 3, { stride, groups: hidden, activation: "relu6" });
  y = b.shuffle(convBnAct(b, y, channels, 1, { groups }), channels / groups);
  return stride === 1 && b.channels(x) === channels ? b.same("add", x, y) : y;
}

/** Grouped 1x1, shuffle, depthwise, grouped 1x1, around the input or beside its pooling (ShuffleNet, figure 2). */
function shuffleUnitV1(b, x, channels, { stride, entryGroups, groups }) {
  const inner = Math.floor(channels / 4);
  const rest = stride === 2 ? channels - b.channels(x) : channels;
  let y = convBnAct(b, x, inner, 1, { groups: entryGroups, activation: "relu" });
  y = convBnAct(b, y, inner, 3, { stride, groups: inner });
  if (groups > 1) y = b.shuffle(y, Math.floor(inner / groups));
  y = convBnAct(b, y, rest, 1, { groups });
  if (stride === 1) return b.same("relu", b.same("add", x, y));
  const pooled = b.pool("avg_pool2d", x);
  return b.concat(pooled, b.same("relu", y));
}

/** Depthwise without activation, then a 1x1 with one. */
function depthwiseSeparable(b, x, channels, stride) {
  const y = convBnAct(b, x, b.channels(x), 3, { stride, groups: b.channels(x) });
  return convBnAct(b, y, channels, 1, { activation: "relu" });
}

/** Two branches, of which the left one does nothing but where the size is halved (ShuffleNet V2, figure 3). */
function shuffleUnitV2(b, x, channels, stride) {
  const half = channels / 2;
  let [left, right] = stride === 2 ? [depthwiseSeparable(b, x, half, 2), x] : b.halves(x);
  right = depthwiseSeparable(b, convBnAct(b, right, half, 1, { activation: "relu" }), half, stride);
  return b.shuffle(b.concat(left, right), 2);
}
