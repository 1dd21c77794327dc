"""Low rank: layers as products of thinner ones."""

from __future__ import annotations

from collections.abc import Sequence

from tinyinfer.errors import InputError
from tinyinfer.graph import Graph
from tinyinfer.passes.portable.low_rank.choose import by_energy, by_mult_adds, check_energy, check_mult_adds
from tinyinfer.passes.portable.low_rank.forms import candidates, network_macs
from tinyinfer.passes.portable.low_rank.rewrite import decompose
from tinyinfer.passes.portable.simplify import simplify

MULTIPLE = 16  # of ranks, unless said: as many channels as fill a panel of the matrix kernels


def low_rank(
    graph: Graph,
    *,
    energy: float | None = None,
    mult_adds: float | None = None,
    multiple: int = MULTIPLE,
    keep: Sequence[str] = (),
) -> Graph:
    """The simplified graph, its linear layers and convolutions of one group factorised where that is cheaper.

    Linear layers and 1x1 convolutions become two by their SVD.  Those with larger windows become an upright and a level
    one (Jaderberg et al. 2014), fewer outputs and a 1x1 (Zhang et al. 2015), or the same between two 1x1 (Kim et al.
    2016), whatever is cheapest.  Norms are folded before; biases and activations stay with the last layer.

    ``energy`` is the share of its squared singular values that each layer keeps; ``mult_adds`` the share of its
    mult-adds that the network keeps at most, cut where it adds the least error.  Ranks are multiples of ``multiple``;
    ``keep`` names nodes, by patterns such as "features.1*", that stay as they are.

    Raises InputError unless one of the two shares is given and can be reached, and for patterns that fit nothing;
    GraphError for a graph without such layers.
    """
    check_settings(energy, mult_adds, multiple)
    graph = simplify(graph)
    found = candidates(graph, multiple, keep)
    if energy is not None:
        return decompose(graph, by_energy(found, energy))
    assert mult_adds is not None
    return decompose(graph, by_mult_adds(found, network_macs(graph), mult_adds))


def check_settings(energy: float | None, mult_adds: float | None, multiple: int) -> None:
    """Raise InputError for what can't be asked for of any network."""
    if (energy is None) == (mult_adds is None):
        raise InputError("low rank: expected energy or mult_adds, one of the two")
    if energy is not None:
        check_energy(energy)
    if mult_adds is not None:
        check_mult_adds(mult_adds)
    if multiple < 1:
        raise InputError(f"low rank: multiple: expected at least 1, found {multiple}")
