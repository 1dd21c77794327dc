"""Follow the channels of a network from its first layer to its outputs."""

from __future__ import annotations

from dataclasses import dataclass

from tinyinfer.graph import Graph
from tinyinfer.passes.portable.slimming.channels.channel_maps import channel_map
from tinyinfer.passes.portable.slimming.channels.channel_sets import ChannelSets
from tinyinfer.passes.portable.slimming.channels.step import Labels, Layer, Step, Value

OUTPUT = ""  # what keeps the channels of outputs, which is no node


@dataclass
class Followed:
    """Channels of every value, labels of every weight by key, layers, and which channels belong together."""

    values: dict[str, Value]
    labels: dict[str, Labels]
    layers: list[Layer]
    sets: ChannelSets


def follow(graph: Graph) -> Followed:
    """Apply every node's channel map.  Channels of inputs and of outputs stay; raises what `Graph.infer_types` does."""
    types = graph.infer_types()
    found = Followed({i.name: Value(types[i.name]) for i in graph.inputs}, {}, [], ChannelSets())
    for node in graph.topological_order():
        inputs = [found.values[name] for name in node.inputs]
        outputs = [types[name] for name in node.outputs]
        step = Step(node, inputs, outputs, graph.param_types(node), found.sets)
        found.values.update(zip(node.outputs, channel_map(node.op.name)(step), strict=True))
        found.layers += step.layers
        for role, key in node.params.items():
            _share(found, key, step.labels.get(role, Labels()), node.name)
    for name in graph.outputs:
        channels = found.values[name].channels
        if channels is not None:
            found.sets.keep(channels.numbers, OUTPUT)
    return found


def _share(found: Followed, key: str, labels: Labels, node: str) -> None:
    """A weight that several nodes use is cut alike for all of them."""
    before = found.labels.setdefault(key, labels)
    for one, other in zip(before, labels, strict=True) if before is not labels else ():
        if one is not None and other is not None:
            found.sets.unite(one, other)
        for kept, missing in ((one, other), (other, one)):
            if kept is not None and missing is None:
                found.sets.keep(kept, node)
