"""Where in an unpickled checkpoint the state dict is.

Training scripts put it under a name of their own, beside an optimizer's state, twice (the weights and their moving
average), into a pair with the epoch, into a list of pairs; or they save the whole module.  So every dict of tensors
is looked at, a few levels deep, and the one with the most tensors is taken; among those of about one size the
averaged weights come first, for they are what gets published, then the names below in their order.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any

from tinyinfer.errors import ModelFormatError, UnsupportedOpError
from tinyinfer.formats.limits import Limits
from tinyinfer.formats.torch.numpy_values import Array
from tinyinfer.formats.torch.pickle_reader import Inert
from tinyinfer.formats.torch.values import QUANTIZED, Tensor, Unreadable

Stored = Tensor | Array
Path = tuple[str, ...]
Unneeded = Callable[[str], bool]

DEPTH = 5
SIMILAR = 0.9  # dicts with this share of the most tensors are taken to be copies of one network
NAMES = ("state_dict", "model_state_dict", "model_state", "model", "module", "net", "network", "params", "weights")
_AVERAGED = re.compile(r"(.*_)?(ema|swa|averaged?)(_.*)?", re.IGNORECASE)
_TRAINING = re.compile(r".*(optim|sched|scaler|criterion|loss|buffer_names|discriminator).*", re.IGNORECASE)


_SCRIPTED = "__torch__."  # what the names of TorchScript's classes begin with
_PACKED = "__torch__.torch.classes.quantized."


class Found(dict[str, Stored]):
    """The tensors by key; ``notes`` say which were taken where there was a choice."""

    notes: tuple[str, ...] = ()


def find_state_dict(value: Any, where: str, limits: Limits, unneeded: Unneeded) -> Found:
    """The tensors by key.  Raises ModelFormatError if there are none, UnsupportedOpError for one that can't be read."""
    dicts = [(path, tensors) for path, tensors in _dicts(value, where, limits) if tensors]
    if not dicts and _is_scripted(value):
        raise UnsupportedOpError(
            f"{where}: a TorchScript archive without weights by name, as torch.jit.freeze makes them part of the "
            "program: expected one that was not frozen, or a state dict"
        )
    if not dicts:
        raise ModelFormatError(f"{where}: expected a state dict (tensors by name), found {_described(value)}")
    most = max(len(tensors) for _, tensors in dicts)
    alike = [(path, tensors) for path, tensors in dicts if len(tensors) >= SIMILAR * most]
    path, tensors = min(alike, key=lambda item: _rank(item[0]))  # the first of equals
    for key, tensor in tensors.items():
        if isinstance(tensor, Unreadable) and not unneeded(key):
            raise UnsupportedOpError(f"{where}: {key[:100]!r}: {tensor.why}")
        if len(key) > limits.name_length:
            raise ModelFormatError(f"{where}: expected keys of at most {limits.name_length} characters")
    found = Found((key, tensor) for key, tensor in tensors.items() if not isinstance(tensor, Unreadable))
    others = [_shown(other) for other, _ in alike if other != path]
    if others:
        found.notes = (f"took the weights under {_shown(path)}, not those under {', '.join(others[:4])}",)
    return found


def _rank(path: Path) -> tuple[bool, int]:
    averaged = any(_AVERAGED.fullmatch(name) for name in path)
    return (not averaged, min((NAMES.index(name) for name in path if name in NAMES), default=len(NAMES)))


def _dicts(value: Any, where: str, limits: Limits) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Every dict of tensors with the names that lead to it; each container is entered once, so loops end."""
    seen: set[int] = set()
    left: deque[tuple[Path, Any]] = deque([((), value)])
    budget = iter(range(limits.members))  # of tensors and parts of modules, which may be in each other
    while left:
        path, at = left.popleft()
        if id(at) in seen:
            continue
        seen.add(id(at))
        if is_module(at):
            yield path, _module_state(at, budget, where, limits)
            continue
        items = _named(at)
        yield path, {key: item for key, item in items.items() if _is_tensor(item)}
        if len(path) < DEPTH:
            left += (
                ((*path, key), item)
                for key, item in items.items()
                if isinstance(item, dict | list | tuple | Inert) and not _TRAINING.fullmatch(key)
            )


def _is_tensor(item: Any) -> bool:
    return isinstance(item, Tensor | Unreadable) or (isinstance(item, Array) and item.dtype is not None)


def _named(value: Any) -> dict[str, Any]:
    """What a container holds by text; a list of pairs is a dict, and other lists hold things called "0", "1" ..."""
    if isinstance(value, Inert):
        value = value.entries or value.items or (value.state if isinstance(value.state, dict) else {})
    if isinstance(value, Mapping):
        return {key: item for key, item in value.items() if isinstance(key, str)}
    if not isinstance(value, list | tuple):
        return {}
    if value and all(isinstance(pair, list | tuple) and len(pair) == 2 and isinstance(pair[0], str) for pair in value):
        return {pair[0]: pair[1] for pair in value}
    return {str(index): item for index, item in enumerate(value)}


def is_module(value: Any) -> bool:
    """Whether this stands for a torch.nn.Module, which is pickled with its parameters and its parts."""
    return _is_scripted(value) or _has_parts(value)


def _has_parts(value: Any) -> bool:
    state = value.state if isinstance(value, Inert) else None
    return isinstance(state, dict) and {"_parameters", "_modules"} <= state.keys()


def _is_scripted(value: Any) -> bool:
    """Whether it is a module of a TorchScript archive, whose attributes are all in one dict."""
    return isinstance(value, Inert) and value.name.startswith(_SCRIPTED) and isinstance(value.state, dict)


def _module_state(module: Inert, budget: Iterator[int], where: str, limits: Limits) -> dict[str, Any]:
    """The state dict of a whole module, as its ``state_dict()`` would give it.

    TorchScript does not say which of a module's tensors are buffers that are no part of it: all are taken.
    """
    found: dict[str, Any] = {}
    left: list[tuple[str, Any]] = [("", module)]
    while left:
        prefix, at = left.pop()
        parts, tensors = _scripted_contents(at) if _is_scripted(at) else _contents(at)
        left += [(f"{prefix}{name}.", part) for name, part in reversed(parts.items())]
        found |= {prefix + name: tensor for name, tensor in tensors.items()}
        used = len(parts) + len(tensors)
        if len(prefix) > limits.name_length or len(list(islice(budget, used))) < used:
            raise ModelFormatError(f"{where}: expected a module of at most {limits.members} parts and tensors")
    return found


def _contents(module: Inert) -> tuple[dict[str, Any], dict[str, Any]]:
    """Parts and tensors of a pickled module by name."""
    parts = {name: part for name, part in _named(module.state.get("_modules")).items() if is_module(part)}
    tensors = {
        name: tensor
        for role in ("_parameters", "_buffers")
        for name, tensor in _named(module.state.get(role)).items()
        if isinstance(tensor, Tensor | Unreadable) and name not in _transient(module)
    }
    return parts, tensors


def _scripted_contents(module: Inert) -> tuple[dict[str, Any], dict[str, Any]]:
    """Parts and tensors of a TorchScript module by name; the packed weights of quantised layers can't be read."""
    parts: dict[str, Any] = {}
    tensors: dict[str, Any] = {}
    for name, item in _named(module.state).items():
        if isinstance(item, Inert) and item.name.startswith(_PACKED):
            tensors[name] = Unreadable(f"{item.name[:100]}: {QUANTIZED}")
        elif _is_scripted(item):
            parts[name] = item
        elif isinstance(item, Tensor | Unreadable):
            tensors[name] = item
    return parts, tensors


def _transient(module: Inert) -> list[Any]:
    """Names of buffers that are no part of the state: a set, made by SETITEMS or from a list."""
    names = module.state.get("_non_persistent_buffers_set")
    if not isinstance(names, Inert):
        return []
    given = names.arguments[0] if names.arguments and isinstance(names.arguments[0], list) else []
    return [*names.items, *given]


def _shown(path: Path) -> str:
    return repr(".".join(path)[:80]) if path else "the top"


def _described(value: Any) -> str:
    if isinstance(value, dict):
        return f"a dict of {', '.join(map(_entry, list(value.items())[:8])) or 'nothing'}"
    return f"an object of {value.name}" if isinstance(value, Inert) else f"a {type(value).__name__}"


def _entry(entry: tuple[Any, Any]) -> str:
    key, value = entry
    shown = repr(str(key)[:40]) if isinstance(key, str | int | float) else "a key of another kind"
    return f"{shown} (an object of {value.name[:60]})" if isinstance(value, Inert) else shown
