"""The rows of a profile: one step, or all steps of one operator or kernel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from tinyinfer.graph import Shape
from tinyinfer.profiling.roofline import Bound


class WithRates:
    """Speeds, from counts and milliseconds."""

    macs: int
    bytes: int
    ms: float

    @property
    def gmacs_per_s(self) -> float:
        """10^9 mult-adds a second."""
        return self.macs / (self.ms * 1e6) if self.ms else 0.0

    @property
    def gbytes_per_s(self) -> float:
        """10^9 bytes a second, as if nothing stayed in a cache."""
        return self.bytes / (self.ms * 1e6) if self.ms else 0.0


@dataclass(frozen=True)
class ProfileRow(WithRates):
    """One step: ``ms`` is the median of the repeats, ``origin`` the nodes of the network it stands for.

    ``macs`` and ``params`` are those nodes' counts, ``bytes`` what the step itself reads and writes;
    ``bound`` is the roof it runs into ("" where the machine's roofs were not measured).
    """

    name: str
    op: str
    kernel: str
    why: str
    origin: tuple[str, ...]
    shape: Shape
    macs: int
    params: int
    bytes: int
    ms: float
    min_ms: float
    p90_ms: float
    first_ms: float
    share: float
    bound: Bound
    text: str = ""  # what it does, in words
    noise: float | None = None  # signal-to-quantisation-noise of its output in dB, where a quantised network's is known

    @property
    def label(self) -> str:
        """Operator and kernel in one word or two; border steps have one kernel only."""
        return self.op if self.op in ("input", "output") else f"{self.op} {self.kernel}"

    def to_dict(self) -> dict[str, Any]:
        """All fields and the speeds."""
        return {**vars(self), "gmacs_per_s": self.gmacs_per_s, "gbytes_per_s": self.gbytes_per_s}


class Buffer(NamedTuple):
    """Where a value, or a step's workspace, lies in the arena, and from which step to which, both included."""

    name: str
    bytes: int
    offset: int
    first: int
    last: int
    workspace: bool


@dataclass(frozen=True)
class ProfileGroup(WithRates):
    """All steps of one operator, or of one kernel of it."""

    name: str
    nodes: int
    macs: int
    params: int
    bytes: int
    ms: float
    share: float

    def to_dict(self) -> dict[str, Any]:
        """All fields and the speeds."""
        return {**vars(self), "gmacs_per_s": self.gmacs_per_s, "gbytes_per_s": self.gbytes_per_s}


@dataclass(frozen=True)
class Rates(WithRates):
    """The speeds of a whole run."""

    macs: int
    bytes: int
    ms: float
