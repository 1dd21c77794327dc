"""Post-training quantisation: a network of real numbers as one of 8-bit integers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tinyinfer.calibration import DEFAULT_METHOD, Calibration
from tinyinfer.graph import Graph
from tinyinfer.ops.constant import Constant
from tinyinfer.passes.portable.quantize.convert import convert
from tinyinfer.passes.portable.quantize.prepare import prepare
from tinyinfer.passes.portable.quantize.scales import Range, assign
from tinyinfer.passes.portable.quantize.select import select


def quantize(
    graph: Graph,
    calibration: Calibration,
    *,
    method: str = DEFAULT_METHOD,
    per_tensor: bool = False,
    keep: Sequence[str] = (),
) -> Graph:
    """The simplified graph, its layers and what lies between them on 8-bit codes (Jacob et al. 2018, section 2).

    Weights are int8 with a scale for each output channel, or one for all if ``per_tensor``; values are uint8 with a
    scale and a zero point each, for the range that ``method`` ("minmax", "percentile", "mse", "entropy") chooses from
    what ``calibration`` saw.  Nodes that ``keep`` names, by patterns such as "features.1*", stay real numbers, as does
    what has no quantised form and what comes behind the last layer.

    Raises GraphError for a graph that is quantised already, WeightsError for weights that 8 bits can't hold,
    InputError for a calibration of another network, unknown methods and patterns that fit nothing.
    """
    prepared = prepare(graph)
    selection = select(prepared, prepared.infer_types(), [keep] if isinstance(keep, str) else keep)
    quants = assign(prepared, selection, ranges(prepared, calibration, method))
    return convert(prepared, selection.nodes, quants, per_tensor)


def ranges(graph: Graph, calibration: Calibration, method: str) -> Callable[[str], Range]:
    """What to ask for the range of a value: all of a constant, of others what the method chooses."""
    constants = {node.outputs[0]: node for node in graph.nodes if isinstance(node.op, Constant)}

    def range_of(value: str) -> Range:
        if value in constants:
            array = graph.param_arrays(constants[value])["value"]
            return float(array.min()), float(array.max())
        return calibration.range_of(value, method)

    return range_of
