"""Functions of a file and branches that are known, as plain nodes in one row.

A function's nodes take the place of every node that calls it.  An `If` runs here where its condition does not depend on
the network's input, as those that exporters write around shape arithmetic: only the branch that is taken is lowered.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tinyinfer.errors import GraphError, ModelFormatError, UnsupportedOpError
from tinyinfer.formats.importing.call import Call, FileNode, Lowering
from tinyinfer.formats.importing.lowering import Find, lower_nodes
from tinyinfer.formats.limits import Limits
from tinyinfer.formats.onnx.reading.attributes import misfit
from tinyinfer.formats.onnx.reading.messages import Function, FunctionKey, OnnxGraph, OnnxModel, OnnxNode, Reference
from tinyinfer.graph import free_name

BRANCHES = ("then_branch", "else_branch")


@dataclass(frozen=True)
class Branch:
    """A graph inside a node; ``captured`` are the values that it reads from outside."""

    nodes: list[FileNode]
    initializers: Mapping[str, np.ndarray]
    outputs: tuple[str, ...]
    captured: tuple[str, ...]


@dataclass(frozen=True)
class _Scope:
    """What names and references in the nodes of a graph or of one call of a function stand for."""

    opsets: Mapping[str, int]
    names: Mapping[str, str]
    prefix: str = ""
    attributes: Mapping[str, Any] | None = None  # of the node that calls the function
    callers: tuple[FunctionKey, ...] = ()
    depth: int = 0  # of calls and branches

    def value(self, name: str) -> str:
        """The name of a value where the call stands."""
        return self.names.get(name, self.prefix + name) if name else ""


class Inliner:
    """Nodes of a model as `FileNode`s; counts them, because functions that call functions multiply."""

    def __init__(self, model: OnnxModel, where: str, limits: Limits) -> None:
        self._model, self._where, self._limits = model, where, limits
        self._left = limits.nodes
        self._prefixes: set[str] = set()

    def nodes(self) -> list[FileNode]:
        """The nodes of the model's graph; raises ModelFormatError for functions that call themselves or multiply."""
        return self._expand(self._model.graph.nodes, _Scope(self._model.opsets, {}))

    def _expand(self, nodes: Sequence[OnnxNode], scope: _Scope) -> list[FileNode]:
        if scope.depth > self._limits.depth:
            raise self._error(f"expected functions and branches at most {self._limits.depth} deep")
        found: list[FileNode] = []
        for node in nodes:
            self._left -= 1
            if self._left < 0:
                raise self._error(f"expected at most {self._limits.nodes} nodes once its functions are written out")
            key = (node.domain, node.op_type, node.overload)
            attributes = {name: self._resolve(name, value, scope) for name, value in node.attributes.items()}
            made = FileNode(
                scope.prefix + node.name if node.name else "",
                node.op_type,
                tuple(map(scope.value, node.inputs)),
                tuple(map(scope.value, node.outputs)),
                {name: value for name, value in attributes.items() if value is not None},
                scope.opsets.get(node.domain, 0),
                node.domain,
            )
            if key in self._model.functions:
                found += self._call(self._model.functions[key], key, made, scope)
            else:
                found.append(self._finished(made))
        return found

    def _call(self, function: Function, key: FunctionKey, node: FileNode, scope: _Scope) -> list[FileNode]:
        called = f"function {function.name[:80]!r}"
        if key in scope.callers:
            raise self._error(f"{called} calls itself")
        if len(node.inputs) > len(function.inputs) or len(node.outputs) > len(function.outputs):
            given, taken = (len(node.inputs), len(node.outputs)), (len(function.inputs), len(function.outputs))
            raise self._error(f"{called}: expected at most {taken} inputs and outputs, found {given}")
        prefix = free_name(node.name or next(filter(None, node.outputs), node.op_type), self._prefixes)
        self._prefixes.add(prefix)
        names = dict.fromkeys(function.inputs, "") | dict(zip(function.inputs, node.inputs, strict=False))
        passed_on = []  # an input that is an output as well
        for inside, outside in zip(function.outputs, node.outputs, strict=False):
            if inside in names:
                passed_on.append(FileNode("", "Identity", (names[inside],), (outside,), {}, 1))
            elif outside:
                names[inside] = outside
        attributes, callers = {**function.defaults, **node.attributes}, (*scope.callers, key)
        inner = _Scope(function.opsets, names, f"{prefix}/", attributes, callers, scope.depth + 1)
        return self._expand(function.nodes, inner) + passed_on

    def _resolve(self, name: str, value: Any, scope: _Scope) -> Any:
        """An attribute's value; None where it is that of a caller who does not say it."""
        if isinstance(value, Reference):
            if scope.attributes is None:
                raise self._error(f"attribute {name[:80]!r} refers to one of a function, and stands in none")
            return scope.attributes.get(value.name)
        return self._branch(value, scope) if isinstance(value, OnnxGraph) else value

    def _branch(self, graph: OnnxGraph, scope: _Scope) -> Branch:
        nodes = self._expand(graph.nodes, replace(scope, depth=scope.depth + 1))
        initializers = {scope.value(name): array for name, array in graph.initializers.items()}
        outputs = tuple(map(scope.value, graph.outputs))
        defined = {name for node in nodes for name in node.outputs} | {scope.value(i.name) for i in graph.inputs}
        read = dict.fromkeys([name for node in nodes for name in node.inputs] + [*outputs])
        captured = tuple(name for name in read if name and name not in defined and name not in initializers)
        return Branch(nodes, initializers, outputs, captured)

    def _finished(self, node: FileNode) -> FileNode:
        """The node with attributes of the kinds they should be; one with branches reads what these read."""
        for name, value in node.attributes.items():
            wrong = misfit(name, value) if node.domain == "" else ""
            if wrong:
                raise self._error(f"node {node.name[:80]!r} ({node.op_type[:80]}): {wrong}")
        captured = [name for value in node.attributes.values() if isinstance(value, Branch) for name in value.captured]
        if not captured:
            return node
        inputs = (*node.inputs, *dict.fromkeys(captured))
        return FileNode(node.name, node.op_type, inputs, node.outputs, node.attributes, node.version, node.domain)

    def _error(self, message: str) -> ModelFormatError:
        return ModelFormatError(f"{self._where}: {message}")


def if_known(find: Find, where: str) -> Lowering:
    """If: the branch that its condition names, where that is known when the file is read."""

    def lower(call: Call) -> list[str]:
        condition = call.known(0)
        branches = [branch for branch in map(call.attribute, BRANCHES) if branch is not None]
        if condition is None:
            call.refuse("its condition depends on the network's input")
        if condition.size != 1 or len(branches) < len(BRANCHES):
            call.refuse(f"expected one condition and two branches, found {condition.size} and {len(branches)}")
        branch = branches[0] if condition.item() else branches[1]
        names = call.node.inputs[1:]
        call.ignore_inputs(*range(1, len(call.inputs)))  # values of the other branch are among them
        values = {name: call.value(index) for index, name in enumerate(names, 1) if name in branch.captured}
        for name, array in branch.initializers.items():
            values[name] = call.importer.constant(name, array)
        try:
            lower_nodes(call.importer, branch.nodes, values, find, where)
        except UnsupportedOpError as error:
            call.refuse(str(error).removeprefix(f"{where}: "))
        except GraphError as error:
            raise GraphError(str(error).removeprefix(f"{where}: ")) from None
        missing = [name for name in branch.outputs if name not in values]
        if missing:
            raise ModelFormatError(f"{where}: output {missing[0][:80]!r} of a branch is not a value of it")
        return [values[name] for name in branch.outputs]

    return lower
