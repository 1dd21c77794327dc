// What a network costs: parameters, mult-adds, memory access, and what has to be in memory at once.

const IN_PLACE = new Set(["batch_norm", "relu", "relu6", "hardswish", "hardsigmoid", "dropout", "flatten", "add", "mul", "split"]);

/** Elements alive at once in each node; the twin of designs/memory.py. */
function alive({ nodes, shapes }) {
  const uses = shapes.map(() => 0);
  for (const { inputs } of nodes) for (const value of inputs) uses[value] += 1;
  uses[nodes.at(-1).outputs[0]] += 1;
  let now = sizeOf(shapes[0]);
  return nodes.map(({ op, inputs, outputs }) => {
    const made = outputs.reduce((sum, value) => sum + sizeOf(shapes[value]), 0);
    for (const value of inputs) uses[value] -= 1;
    const freed = [...new Set(inputs)].reduce((sum, value) => sum + (uses[value] === 0 ? sizeOf(shapes[value]) : 0), 0);
    const count = now + made - (IN_PLACE.has(op) ? Math.min(made, freed) : 0);
    now += made - freed;
    return count;
  });
}

/** Totals of a network. */
function totalsOf(network) {
  const sum = (of) => network.nodes.reduce((total, node) => total + of(node), 0);
  return {
    params: sum((node) => node.params),
    macs: sum((node) => node.macs),
    access: sum((node) => node.access),
    peak: Math.max(...alive(network)),
  };
}
