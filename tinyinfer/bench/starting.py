"""Engines as calls that have been made once: a peer that can't run a network is left out, and the others go on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tinyinfer.bench import engines
from tinyinfer.bench.engines import Subject
from tinyinfer.bench.peers import Outputs, Run
from tinyinfer.bench.report import OURS


@dataclass(frozen=True)
class Started:
    """By engine and subject, calls and what they gave; and what those peers said that are ``left_out``."""

    runs: Mapping[str, Mapping[str, Run]]
    outputs: Mapping[str, Mapping[str, Outputs]]
    left_out: Mapping[str, str]

    @property
    def peers(self) -> tuple[str, ...]:
        """Those that run."""
        return tuple(name for name in self.runs if name != OURS)

    def notes(self, what: str) -> list[str]:
        """A line for each peer that is left out of a measurement."""
        return [f"{what}: {name} is left out, it says: {reason}" for name, reason in self.left_out.items()]


def start(subjects: Mapping[str, Subject], peers: Sequence[str]) -> Started:
    """Start tinyinfer and the peers on all subjects, and call each once; a peer that fails on one has none.

    Raises what tinyinfer itself raises.
    """
    runs: dict[str, dict[str, Run]] = {}
    outputs: dict[str, dict[str, Outputs]] = {}
    left_out: dict[str, str] = {}
    for name in (OURS, *peers):
        try:
            own = {kind: engines.ENGINES[name](subject) for kind, subject in subjects.items()}
            found = {kind: [array.copy() for array in run()] for kind, run in own.items()}
        except Exception as error:  # peers have classes of their own
            if name == OURS:
                raise
            left_out[name] = " ".join(f"{type(error).__name__}: {error}".split())
        else:
            runs[name], outputs[name] = own, found
    return Started(runs, outputs, left_out)
