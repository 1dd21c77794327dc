"""The language of the traces: five instructions, of which a step has a few, and runs of steps at other addresses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple


class Load(NamedTuple):
    """The vector register takes ``numbers`` that lie side by side."""

    base: int
    offset: int
    numbers: int = 1


class MultiplyAdd(NamedTuple):
    """The sums of a register += one number, loaded here, times the vector register."""

    register: int
    base: int
    offset: int


class Store(NamedTuple):
    """The sums of a register go to memory, ``stride`` apart, and the register is empty again."""

    register: int
    base: int
    offset: int
    numbers: int
    stride: int = 1


class Copy(NamedTuple):
    """So many ``numbers``, ``stride`` apart, are moved to where they lie side by side."""

    source: int
    offset: int
    numbers: int
    stride: int
    target: int
    target_offset: int


class Transform(NamedTuple):
    """Numbers at ``offsets`` times a named matrix give those at ``target_offsets``; its rows are additions alone."""

    matrix: str
    source: int
    offsets: tuple[int, ...]
    target: int
    target_offsets: tuple[int, ...]


Instruction = Load | MultiplyAdd | Store | Copy | Transform

LETTERS: dict[type, str] = {Load: "load", MultiplyAdd: "fma", Store: "store", Copy: "copy", Transform: "transform"}


class Template(NamedTuple):
    """What one kind of step does; ``base`` in its instructions numbers the addresses that a run gives."""

    kind: str
    instructions: tuple[Instruction, ...]


class Run(NamedTuple):
    """``length`` steps of one kind: each base is (address in the first step, how much further in each next one)."""

    template: Template
    length: int
    bases: tuple[tuple[int, int], ...]

    def steps(self) -> Iterator[tuple[int, ...]]:
        """The addresses of each step."""
        for i in range(self.length):
            yield tuple(start + i * step for start, step in self.bases)


When = Literal["before", "once", "counted"]


class Phase(NamedTuple):
    """A part of a chapter: counted for every image, shown though done only once, or done before the chapter begins."""

    name: str
    when: When
    runs: tuple[Run, ...]


class Chapter(NamedTuple):
    """One way of computing the convolution: its phases, and the arrays to be drawn.

    ``registers`` is how many of them it uses, each ``lanes`` wide; ``scratch`` names arrays that exist for it alone.
    """

    name: str
    phases: tuple[Phase, ...]
    shown: tuple[str, ...]
    registers: int
    lanes: int
    scratch: tuple[str, ...] = ()


def single(template: Template, *bases: int) -> Run:
    """One step."""
    return Run(template, 1, tuple((base, 0) for base in bases))


def templates_of(chapters: Sequence[Chapter]) -> list[Template]:
    """All templates, each once, in the order of their first use."""
    found = (run.template for chapter in chapters for phase in chapter.phases for run in phase.runs)
    return list(dict.fromkeys(found))
