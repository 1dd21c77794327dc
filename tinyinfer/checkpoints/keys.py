"""Keys of a state dict: what training put before them, and what it left beside the weights."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import numpy as np

from tinyinfer.errors import InputError, WeightsError

State = Mapping[str, np.ndarray]

# components that wrappers put anywhere into a key: DataParallel, torch.compile, FSDP, activation checkpoints
_WRAPPERS = ("module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module", "_forward_module")
COMMON = 0.3  # share of the keys from which what they begin with may be the network's place in a larger module
VIEWS = 8
_AVERAGED = re.compile(r"(?i)(.*[._])?(ema|teacher|averaged?|swa|momentum)([._].*)?")

# What training leaves in a state dict: a profiler's counts, counters, losses with weights of their own, and a
# normaliser's constants.  Regular expressions for whole keys; a network's own keys are never left out.
LEFTOVERS = (
    r"(.*\.)?(total_ops|total_params|n_averaged|ema_decay|decay|steps?|global_step|num_updates|num_steps|initted)$",
    r"(.*\.)?(epochs?|best_\w+|lr|learning_rate|iterations?|iters?|_extra_state|_dummy|dummy_\w+|device_\w+)$",
    r"(.*\.)?(criterion\w*|loss\w*|\w+_loss|loss_fn|metrics?|\w*_metrics|\w*accuracy|\w*acc1?|confusion\w*)(\..*)?$",
)
NORMALISER = re.compile(r"((?P<at>.*)\.)?(?P<start>\w*?)(?P<what>mean|std)")


@dataclass(frozen=True)
class View:
    """A state dict under keys from which ``stripped`` was taken, and the keys that were set aside."""

    state: State
    stripped: tuple[str, ...] = ()
    aside: tuple[str, ...] = ()


def matches(key: str, pattern: str) -> bool:
    """Whether a shell-style pattern is for this key: for all of it, or for components at its start or its end."""
    return any(fnmatchcase(key, p) for p in (pattern, f"{pattern}.*", f"*.{pattern}"))


def ignore(state: State, patterns: Sequence[str], where: str) -> tuple[dict[str, np.ndarray], list[str]]:
    """The state dict without what the patterns match, and the keys left out.  Raises InputError for one without use."""
    for pattern in patterns:
        if not any(matches(key, pattern) for key in state):
            some = ", ".join(map(repr, list(state)[:3]))
            raise InputError(f"{where}: ignore: no key matches {pattern!r}; keys are {some}, ...")
    out = [key for key in state if any(matches(key, pattern) for pattern in patterns)]
    kept = {key: array for key, array in state.items() if key not in set(out)}
    return kept, out


def strip(state: State, prefix: str, where: str) -> View:
    """The state dict with the prefix taken from all keys that have it.  Raises InputError if none has."""
    prefix = prefix if prefix.endswith(".") else f"{prefix}."
    if not any(key.startswith(prefix) for key in state):
        raise InputError(f"{where}: strip: no key begins with {prefix!r}; {prefixes_found(state)}")
    view = _without(state, prefix)
    if view is None:
        raise WeightsError(f"{where}: strip: without {prefix!r} two keys become one")
    return view


def prefixes_found(state: State) -> str:
    """What the keys begin with, in words, most common first."""
    starts = Counter(key.split(".", 1)[0] + "." for key in state if "." in key)
    return "keys begin with " + ", ".join(f"{start!r} ({count})" for start, count in starts.most_common(5))


def views(state: State) -> list[View]:
    """Readings of the keys, plainest first: wrappers' components dropped, then without a prefix that many keys share.

    Where a network stands there twice, trained and averaged over training, the average is read alone.
    """
    state = _unwrapped(state)
    found = [View(state)]
    prefixes = sorted(_common_prefixes(state), key=lambda prefix: prefix.count("."))[:VIEWS]
    for prefix in prefixes:
        view = _without(state, prefix)
        twins = [other for other in prefixes if _AVERAGED.fullmatch(prefix) and _are_twins(state, prefix, other)]
        if twins:
            alone = {key[len(prefix) :]: array for key, array in state.items() if key.startswith(prefix)}
            aside = tuple(key for key in state if key.startswith(tuple(twins)))
            found.append(View(alone, (prefix,), aside))
        elif view is not None:
            found.append(view)
    return found


def _unwrapped(state: State) -> State:
    """Without the components that wrappers add, unless two keys would become one."""
    for name in _WRAPPERS:
        component = re.compile(rf"(^|\.){name}\.")
        renamed = {component.sub(r"\1", key): array for key, array in state.items()}
        if len(renamed) == len(state):
            state = renamed
    return state


def _common_prefixes(state: State) -> Iterator[str]:
    counts: Counter[str] = Counter()
    for key in state:
        parts = key.split(".")[:-1][:4]
        counts.update(".".join(parts[: i + 1]) + "." for i in range(len(parts)))
    return (prefix for prefix, count in counts.items() if count >= COMMON * len(state))


def _without(state: State, prefix: str) -> View | None:
    renamed = {key.removeprefix(prefix): array for key, array in state.items()}
    return View(renamed, (prefix,)) if len(renamed) == len(state) else None


def _are_twins(state: State, one: str, other: str) -> bool:
    first = {key[len(one) :]: array.shape for key, array in state.items() if key.startswith(one)}
    second = {key[len(other) :]: array.shape for key, array in state.items() if key.startswith(other)}
    return (
        one != other
        and len(first) > 1
        and sum(second.get(key) == shape for key, shape in first.items()) >= 0.9 * len(first)
    )


def normaliser(state: State) -> dict[str, tuple[float, ...]]:
    """Mean and standard deviation of pictures that a network carries as constants, by the keys that hold them."""
    found = {}
    for key, array in state.items():
        name = NORMALISER.fullmatch(key)
        if name and array.dtype.kind == "f" and array.size in (1, 3) and max(array.shape, default=1) == array.size:
            partner = f"{key.removesuffix(name['what'])}{'std' if name['what'] == 'mean' else 'mean'}"
            if partner in state and state[partner].size == array.size:
                found[key] = tuple(float(value) for value in array.ravel())
    return found
