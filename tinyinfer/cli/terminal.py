"""What the verbs print with: tables to stdout, messages and progress to stderr."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Literal, TextIO

if TYPE_CHECKING:
    from rich.progress import Progress

PLAIN_WIDTH = 200  # of tables that go to a file or a pipe, where no line should wrap
COMPILING = "compiling kernels, this first time only"


def can_rewrite(stream: TextIO) -> bool:
    """Whether lines of a stream can be written over: it is a terminal, and one that knows escape sequences."""
    return stream.isatty() and os.environ.get("TERM") not in ("dumb", "unknown")


def complain(message: str) -> None:
    """One line on stderr."""
    with contextlib.suppress(OSError, ValueError):  # a closed stderr is no reason to fail
        print(f"tinyinfer: {message}", file=sys.stderr, flush=True)


def show(renderable: Any) -> None:
    """A rich table or text on stdout."""
    from rich.console import Console

    console = Console(width=None if sys.stdout.isatty() else PLAIN_WIDTH, highlight=False)
    with console.capture() as text:  # written by us, because rich has an exit of its own for closed pipes
        console.print(renderable, crop=False)  # a line too long is wrapped by the terminal, digits and all
    print(text.get(), end="")


def show_json(value: Any) -> None:
    """A value as JSON on stdout."""
    print(json.dumps(value, indent=1, ensure_ascii=not (sys.stdout.encoding or "").lower().startswith("utf")))


class Bar:
    """A progress bar on stderr, shown while that is a terminal."""

    def __init__(self, bar: Progress, description: str, total: int | None) -> None:
        self._bar, self._description = bar, description
        self._task = bar.add_task(description, total=total)

    def advance(self, done: int, total: int | None = None) -> None:
        """Show how much is done, and of how much if that was not known before."""
        self._bar.update(self._task, completed=done, total=total)

    def compiling(self, kernel: str | None) -> None:
        """Show what the work waits for; None when it goes on."""
        if self._bar.disable:
            _say_once(kernel)
        else:
            self._bar.update(self._task, description=f"compiling {kernel}" if kernel else self._description)


@contextlib.contextmanager
def progress_bar(description: str, total: int | None, unit: Literal["items", "bytes"] = "items") -> Iterator[Bar]:
    """A bar that is there inside the block and leaves nothing behind."""
    with _progress(unit) as bar:
        yield Bar(bar, description, total)


@contextlib.contextmanager
def compile_notice(tell: Callable[[str | None], None] | None = None) -> Iterator[None]:
    """Says which kernel is being compiled: only the first run on a machine has to wait for that.

    ``tell`` gets the kernel's name, and None when it is done; by default it writes a line of stderr.
    """
    from tinyinfer.kernels.codegen.numba_internals import event

    say = tell or (_rewrite_line if can_rewrite(sys.stderr) else _say_once)

    class Listener(event.Listener):  # type: ignore[misc]
        """Counts kernels, not the helpers that are compiled into them."""

        def __init__(self) -> None:
            self.count = self.depth = 0

        def on_start(self, event: Any) -> None:
            self.depth += 1
            if self.depth == 1:
                self.count += 1
                say(f"{event.data['dispatcher'].py_func.__name__} ({self.count})")

        def on_end(self, event: Any) -> None:
            self.depth -= 1
            if self.depth == 0:
                say(None)

    listener = Listener()
    event.register("numba:compile", listener)
    try:
        yield
    finally:
        event.unregister("numba:compile", listener)


def _rewrite_line(kernel: str | None) -> None:
    """The notice on a terminal: a line that is gone before anything else is printed."""
    sys.stderr.write(f"\r\033[K{COMPILING}: {kernel}" if kernel else "\r\033[K")
    sys.stderr.flush()


def _say_once(kernel: str | None) -> None:
    """The notice in a log: one line."""
    if kernel and kernel.endswith(" (1)"):
        complain(COMPILING)


def _progress(unit: str) -> Progress:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    amount = DownloadColumn() if unit == "bytes" else MofNCompleteColumn()
    columns = (TextColumn("{task.description}"), BarColumn(), amount, TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True, disable=not can_rewrite(sys.stderr))
