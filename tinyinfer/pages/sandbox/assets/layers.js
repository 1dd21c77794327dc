// What a node is to the clock: the twin of timing/layers.py.

const FREE = new Set(["batch_norm", "relu", "relu6", "hardswish", "hardsigmoid", "dropout", "flatten"]);

/** {kind, sizes, work, bytes, node, block} of all nodes that may take time. */
function layersOf(network) {
  return network.nodes.filter(({ op }) => !FREE.has(op)).map((node) => ({
    ...layerOf(network, node), node, block: node.block, macs: node.macs, bytes: 4 * node.access,
  }));
}

function layerOf({ shapes }, node) {
  const [c, ...image] = shapes[node.inputs[0]];
  if (node.op === "linear") return { kind: "linear", sizes: [c, node.out], work: node.macs };
  if (node.op !== "conv2d") {
    const moved = [...node.inputs, ...node.outputs].reduce((sum, value) => sum + sizeOf(shapes[value]), 0);
    const shuffled = node.op === "channel_shuffle" ? [node.groups] : [];
    return { kind: node.op, sizes: [c, sizeOf(image), ...shuffled], work: moved };
  }
  const { kernel, stride, groups, out, macs } = node;
  const [, height, width] = shapes[node.outputs[0]];
  const pixels = height * width;
  if (groups === c && c === out && c > 1) return { kind: "depthwise", sizes: [c, pixels, kernel, stride], work: macs };
  if (kernel === 1) return { kind: groups > 1 ? "grouped" : "pointwise", sizes: [c / groups, out / groups, groups, pixels], work: macs };
  return { kind: "dense", sizes: [c, out, pixels, kernel, stride], work: macs };
}
