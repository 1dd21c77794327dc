"""All nodes of a file, each through the function that lowers it, and what is not supported named at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from tinyinfer.errors import GraphError, ModelFormatError, UnsupportedOpError
from tinyinfer.formats.importing.call import Call, FileNode, Lowering, UnsupportedNodeError
from tinyinfer.formats.importing.free_sizes import FreeSizeError
from tinyinfer.formats.importing.importer import Importer

# what Python and NumPy say of a node with too few strides, an axis that is none, a number that is too large: lowerings
# are written for nodes as ONNX and others define them, and all others end here; errors of other types are our own
MISFITS = (ValueError, IndexError, ArithmeticError)

SHOWN = 20  # nodes that are named in one message

Find = Callable[[FileNode], Lowering]  # raises UnsupportedNodeError where there is none


def lower_nodes(importer: Importer, nodes: Sequence[FileNode], values: dict[str, str], find: Find, where: str) -> None:
    """Lower all nodes; ``values`` maps the file's names to the graph's values, and grows.

    Raises UnsupportedOpError naming every node that can't be lowered, GraphError for one whose inputs do not fit it,
    ModelFormatError for a value that is undefined or defined twice, and for a cycle; FreeSizeError, which
    `with_free_sizes` catches, where a size can't stay free.
    """
    refused: list[tuple[FileNode, str]] = []
    missing: set[str] = set()  # values of nodes that were refused, and all that is computed from them
    for node in in_order(nodes, values, where):
        try:
            lowering = find(node)
            if missing.isdisjoint(node.inputs):
                _lower(importer, node, values, lowering, where)
                continue
        except UnsupportedNodeError as error:
            refused.append((node, str(error)))
        missing.update(filter(None, node.outputs))
    if refused:
        raise UnsupportedOpError(f"{where}: {_listed(refused)}")


def _lower(importer: Importer, node: FileNode, values: dict[str, str], lowering: Lowering, where: str) -> None:
    call = Call(node, [values[name] if name else None for name in node.inputs], importer)
    try:
        found = lowering(call)
        results = [found] if isinstance(found, str) else list(found)
    except GraphError as error:
        raise GraphError(f"{where}: node {call.name[:80]!r} ({node.op_type[:80]}): {error}") from None
    except MISFITS as error:
        why = f"expected attributes and inputs that such a node can have, found others ({str(error)[:100]!r})"
        raise ModelFormatError(f"{where}: node {call.name[:80]!r} ({node.op_type[:80]}): {why}") from error
    except FreeSizeError as error:
        error.where = error.where or f"node {call.name[:80]!r} ({node.op_type})"
        raise
    if call.unread:
        call.refuse(f"attribute {', '.join(sorted(map(repr, call.unread)))} is not supported")
    if call.unread_inputs:
        call.refuse(f"input {', '.join(map(str, sorted(call.unread_inputs)[:SHOWN]))} is not supported")
    for index, name in enumerate(node.outputs):
        if name and index >= len(results):
            call.refuse(f"output {index} is not supported")
        if name:
            values[name] = results[index]


def in_order(nodes: Sequence[FileNode], values: dict[str, str], where: str) -> Iterator[FileNode]:
    """The nodes so that each follows what it reads, in the file's order wherever that is one."""
    producers: dict[str, int] = {}
    for index, node in enumerate(nodes):
        for name in filter(None, node.outputs):
            if name in producers or name in values:
                raise ModelFormatError(f"{where}: value {name[:80]!r} is defined twice")
            producers[name] = index
    readers: dict[str, list[int]] = {}
    waiting = []
    for index, node in enumerate(nodes):
        wanted = {name for name in node.inputs if name and name not in values}
        for name in wanted:
            if name not in producers:
                raise ModelFormatError(f"{where}: node {node.name[:80]!r} reads {name[:80]!r}, which nothing defines")
            readers.setdefault(name, []).append(index)
        waiting.append(len(wanted))
    ready = [index for index, count in enumerate(waiting) if count == 0]
    for index in ready:  # grows while it is read
        yield nodes[index]
        for name in filter(None, nodes[index].outputs):
            for reader in readers.get(name, ()):
                waiting[reader] -= 1
                if waiting[reader] == 0:
                    ready.append(reader)
    if len(ready) < len(nodes):
        stuck = next(node for node, count in zip(nodes, waiting, strict=True) if count > 0)
        raise ModelFormatError(f"{where}: the graph has a cycle through or before node {stuck.name[:80]!r}")


def _listed(refused: Sequence[tuple[FileNode, str]]) -> str:
    """What is not supported, one reason after the other, with the nodes of each."""
    reasons = Counter((node.op_type, node.version, why) for node, why in refused)
    texts = []
    for (op_type, version, why), count in list(reasons.items())[:SHOWN]:
        name = next(
            n.name or "".join(n.outputs[:1]) for n, w in refused if (n.op_type, n.version, w) == (op_type, version, why)
        )
        of = f" of opset {version}" if version else ""
        texts.append(f"{op_type[:80]}{of} (node {name[:80]!r}{f' and {count - 1} more' if count > 1 else ''}): {why}")
    more = f"; and {len(reasons) - SHOWN} more" if len(reasons) > SHOWN else ""
    return "not supported: " + "; ".join(texts) + more
